"""The box reader: what it reads, and that no file breaks it."""

from __future__ import annotations

import struct
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ampost_mcp.services import mp4
from tests.media.conftest import box, movie


def written(tmp_path: Path, content: bytes) -> Path:
    path = tmp_path / "film"
    path.write_bytes(content)
    return path


def test_length_and_size(tmp_path: Path) -> None:
    assert mp4.read(written(tmp_path, movie(size=(1920, 1080), seconds=12.5))) == mp4.Movie(12.5, 1920, 1080, 0)


def test_a_turned_film_says_the_size_it_is_shown_in(tmp_path: Path) -> None:
    assert mp4.read(written(tmp_path, movie(size=(1920, 1080), turned=True))) == mp4.Movie(2.5, 1080, 1920, 90)


def test_the_header_may_come_after_the_samples(tmp_path: Path) -> None:
    assert mp4.read(written(tmp_path, movie(after=3_000_000))).width == 640


def test_a_fragmented_film_says_its_length_elsewhere(tmp_path: Path) -> None:
    plain = movie(seconds=0)
    mvex = box("mvex", box("mehd", struct.pack(">II", 0, 7500)))
    at = plain.index(b"moov") - 4
    (size,) = struct.unpack(">I", plain[at : at + 4])
    film = plain[:at] + struct.pack(">I", size + len(mvex)) + plain[at + 4 :] + mvex
    assert mp4.read(written(tmp_path, film)).seconds == 7.5


def test_a_64_bit_box_size(tmp_path: Path) -> None:
    film = movie()
    at = film.index(b"mdat") - 4
    wide = film[:at] + struct.pack(">I4sQ", 1, b"mdat", 16 + 100) + bytes(100) + film[at + 8 :]
    assert mp4.read(written(tmp_path, wide)).height == 360


@pytest.mark.parametrize("content", [b"", b"\0\0\0\x18ftypisom", movie()[:-30], movie().replace(b"vide", b"soun")])
def test_what_is_no_film_is_unreadable(tmp_path: Path, content: bytes) -> None:
    with pytest.raises(mp4.Unreadable):
        mp4.read(written(tmp_path, content))


@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(st.integers(0, len(movie()) - 1), st.binary(min_size=1, max_size=8))
def test_a_damaged_film_is_read_or_unreadable(tmp_path: Path, at: int, noise: bytes) -> None:
    film = bytearray(movie())
    film[at : at + len(noise)] = noise
    try:
        found = mp4.read(written(tmp_path, bytes(film)))
    except mp4.Unreadable:
        return
    assert found.width >= 0 and (found.seconds is None or found.seconds > 0)
