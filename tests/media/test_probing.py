"""What a file is, by its bytes alone, and what becomes of it as a JPEG."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
from PIL import Image

from ampost_mcp.services import probing
from ampost_mcp.services.probing import Probe, Unsupported
from tests.media.conftest import image, movie


def written(tmp_path: Path, content: bytes, name: str = "photo.jpg") -> Path:
    path = tmp_path / name
    path.write_bytes(content)
    return path


def webp(**options: object) -> bytes:
    file = io.BytesIO()
    Image.new(str(options.pop("mode", "RGB")), (70, 50), (10, 200, 30, 90)[: 4 if "exact" in options else 3]).save(
        file, "WEBP", **options
    )
    return file.getvalue()


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (image("JPEG", (64, 48)), Probe("image/jpeg", 64, 48)),
        (image("PNG", (30, 20)), Probe("image/png", 30, 20)),
        (image("GIF", (31, 21), "P"), Probe("image/gif", 31, 21)),
        (webp(), Probe("image/webp", 70, 50)),
        (webp(lossless=True), Probe("image/webp", 70, 50)),
        (webp(mode="RGBA", exact=True), Probe("image/webp", 70, 50)),
        (movie("isom", (320, 240), 3), Probe("video/mp4", 320, 240, 3.0)),
        (movie("qt  ", (320, 240), 3), Probe("video/quicktime", 320, 240, 3.0)),
    ],
)
def test_the_bytes_say_what_it_is(tmp_path: Path, content: bytes, expected: Probe) -> None:
    assert probing.probe(written(tmp_path, content)) == expected


def test_a_photo_on_its_side_says_the_size_it_is_shown_in(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    path = tmp_path / "photo"
    Image.new("RGB", (60, 40)).save(path, "JPEG", exif=exif)
    assert probing.probe(path) == Probe("image/jpeg", 40, 60)


@pytest.mark.parametrize(
    "content",
    [
        b"", b"<html><script>alert(1)</script></html>", b"<svg xmlns='http://www.w3.org/2000/svg'/>", b"MZ" + bytes(99),
        b"%PDF-1.7", b"\0\0\0\x18ftypheic" + bytes(50), b"\0\0\0\x18ftypavif" + bytes(50), image("JPEG")[:3],
        b"\x89PNG\r\n\x1a\n" + bytes(30), b"GIF89a", b"RIFF\0\0\0\0WEBPxxxx" + bytes(30), movie()[:40],
    ],
)  # fmt: skip
def test_other_and_broken_files_are_refused(tmp_path: Path, content: bytes) -> None:
    with pytest.raises(Unsupported):
        probing.probe(written(tmp_path, content))


def test_an_image_with_too_many_pixels_is_refused_before_it_is_unpacked(tmp_path: Path) -> None:
    png = bytearray(image("PNG"))
    png[16:24] = (30_000).to_bytes(4, "big") * 2
    with pytest.raises(Unsupported):
        probing.probe(written(tmp_path, bytes(png)))


def test_transparency_becomes_white_and_the_result_is_a_jpeg(tmp_path: Path) -> None:
    source, into = tmp_path / "logo", tmp_path / "out"
    Image.new("RGBA", (20, 20), (0, 0, 0, 0)).save(source, "PNG")
    probing.to_jpeg(source, into, None)
    assert probing.probe(into) == Probe("image/jpeg", 20, 20)
    with Image.open(into) as made:
        assert made.getpixel((10, 10)) == (255, 255, 255)


def test_a_conversion_is_made_to_fit_or_refused(tmp_path: Path) -> None:
    source, into = tmp_path / "noise", tmp_path / "out"
    Image.effect_noise((400, 400), 90).save(source, "PNG")
    probing.to_jpeg(source, into, None)
    full = into.stat().st_size
    probing.to_jpeg(source, into, full - 1)
    assert into.stat().st_size < full
    with pytest.raises(Unsupported, match="larger"):
        probing.to_jpeg(source, into, 1000)
