"""What a media file really is, judged by its bytes, and its conversion to JPEG. Blocking: call it on a thread."""

from __future__ import annotations

import struct
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from PIL import Image, ImageOps, UnidentifiedImageError

from ampost_mcp.services import mp4

#: Images with more pixels are refused before they are unpacked: the most that a conversion holds in memory.
MAX_PIXELS = 64_000_000
Image.MAX_IMAGE_PIXELS = MAX_PIXELS
warnings.filterwarnings("error", category=Image.DecompressionBombWarning)

EXTENSIONS = {
    "image/jpeg": "jpg", "image/png": "png", "image/webp": "webp", "image/gif": "gif",
    "video/mp4": "mp4", "video/quicktime": "mov",
}  # fmt: skip
_PILLOW = {"image/jpeg": "JPEG", "image/png": "PNG", "image/gif": "GIF"}
#: `ftyp` brands of still images and sound, which share the container with video.
_NO_VIDEO = (b"heic", b"heix", b"heif", b"hevc", b"mif1", b"msf1", b"avif", b"avis", b"M4A ", b"M4B ", b"crx ", b"jp2 ")
#: First boxes of a QuickTime file from before `ftyp`.
_OLD_QUICKTIME = (b"moov", b"mdat", b"wide", b"free", b"skip", b"pnot")
_ORIENTATION = 0x0112
#: JPEG qualities that are tried in turn until the result fits.
_QUALITIES = (92, 85, 75, 60)


class Unsupported(Exception):
    """The bytes are none of the supported types, or broken; `str()` says which."""


@dataclass(frozen=True)
class Probe:
    """`width` and `height` as shown (rotation applied)."""

    mime_type: str
    width: int | None = None
    height: int | None = None
    duration_seconds: float | None = None


def sniff(head: bytes) -> str | None:
    """The MIME type that a file's first 16 bytes promise."""
    if head.startswith(b"\xff\xd8\xff"):
        return "image/jpeg"
    if head.startswith(b"\x89PNG\r\n\x1a\n"):
        return "image/png"
    if head.startswith((b"GIF87a", b"GIF89a")):
        return "image/gif"
    if head[:4] == b"RIFF" and head[8:12] == b"WEBP":
        return "image/webp"
    name, brand = head[4:8], head[8:12]
    if name == b"ftyp":
        return None if brand in _NO_VIDEO else "video/quicktime" if brand == b"qt  " else "video/mp4"
    return "video/quicktime" if name in _OLD_QUICKTIME else None


def probe(path: Path) -> Probe:
    """Raises Unsupported."""
    with path.open("rb") as file:
        head = file.read(32)
        mime_type = sniff(head)
        if mime_type is None:
            raise Unsupported("its bytes are no JPEG, PNG, WebP, GIF, MP4 or QuickTime file")
        if mime_type == "image/webp":
            return Probe(mime_type, *_webp_size(head))
        if mime_type in _PILLOW:
            return _probe_image(file, mime_type)
    try:
        movie = mp4.read(path)
    except mp4.Unreadable as error:
        raise Unsupported(f"the video cannot be read: {error}") from error
    return Probe(mime_type, movie.width or None, movie.height or None, movie.seconds)


def _probe_image(file: BinaryIO, mime_type: str) -> Probe:
    file.seek(0)
    try:
        with Image.open(file, formats=[_PILLOW[mime_type]]) as image:
            width, height = image.size
            turned = mime_type == "image/jpeg" and image.getexif().get(_ORIENTATION) in (5, 6, 7, 8)
    except _BROKEN as error:
        raise Unsupported(f"the image cannot be read ({type(error).__name__})") from error
    return Probe(mime_type, height, width) if turned else Probe(mime_type, width, height)


#: What Pillow raises on broken files. (A decompression bomb is a RuntimeWarning turned into an error.)
_BROKEN = (
    UnidentifiedImageError, OSError, ValueError, SyntaxError, struct.error, EOFError, MemoryError, IndexError, KeyError,
    TypeError, OverflowError, Image.DecompressionBombError, Image.DecompressionBombWarning,
)  # fmt: skip


def _webp_size(head: bytes) -> tuple[int, int]:
    """From the header, since Pillow would read the whole file. RFC 9649, sections 2.5 to 2.7 (assumed)."""
    kind = head[12:16]
    if kind == b"VP8X" and len(head) >= 30:
        return 1 + int.from_bytes(head[24:27], "little"), 1 + int.from_bytes(head[27:30], "little")
    if kind == b"VP8L" and len(head) >= 25 and head[20] == 0x2F:
        bits = int.from_bytes(head[21:25], "little")
        return 1 + (bits & 0x3FFF), 1 + (bits >> 14 & 0x3FFF)
    if kind == b"VP8 " and head[23:26] == b"\x9d\x01\x2a":
        width, height = struct.unpack("<HH", head[26:30])
        return width & 0x3FFF, height & 0x3FFF
    raise Unsupported("the WebP image cannot be read")


def to_jpeg(path: Path, into: Path, max_bytes: int | None) -> None:
    """Writes the image as JPEG, upright, on white where it is transparent; of an animation the first frame. Lowers the
    quality until it fits into `max_bytes`. Raises Unsupported."""
    try:
        with Image.open(path, formats=["JPEG", "PNG", "WEBP", "GIF"]) as image:
            profile = image.info.get("icc_profile") if image.mode in ("RGB", "RGBA", "P") else None
            flat = _on_white(ImageOps.exif_transpose(image))
    except _BROKEN as error:
        raise Unsupported(f"the image cannot be unpacked ({type(error).__name__})") from error
    for quality in _QUALITIES:
        flat.save(into, "JPEG", quality=quality, icc_profile=profile)
        if max_bytes is None or into.stat().st_size <= max_bytes:
            return
    raise Unsupported(f"as JPEG it is still larger than {max_bytes} bytes")


def _on_white(image: Image.Image) -> Image.Image:
    if not image.has_transparency_data:
        return image.convert("RGB")
    layer = image.convert("RGBA")
    ground = Image.new("RGB", layer.size, "white")
    ground.paste(layer, mask=layer.getchannel("A"))
    return ground
