"""Reads length, size and rotation out of an MP4 or QuickTime file: a walk over box headers, a few bytes at a time.

ISO/IEC 14496-12 (box structure, `mvhd`, `tkhd`, `hdlr`, `mehd`) and Apple's QuickTime File Format (assumed).
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

#: Boxes looked at before giving up: a real file has some dozens at the levels that are walked.
MOST_BOXES = 20_000


class Unreadable(Exception):
    """The file is no movie, or a broken one."""


@dataclass(frozen=True)
class Movie:
    """Of the first video track, as it is shown: `rotation` (degrees clockwise) is already applied to the size."""

    seconds: float | None
    width: int
    height: int
    rotation: int


@dataclass(frozen=True)
class _Box:
    name: bytes
    start: int
    end: int


def read(path: Path) -> Movie:
    """Raises Unreadable without a movie header or a video track."""
    with path.open("rb") as file:
        try:
            moov = _find(file, _whole(file), b"moov")
            if moov is None:
                raise Unreadable("no movie header")
            return _movie(file, moov)
        except struct.error as error:
            raise Unreadable("it breaks off inside a box") from error


def _movie(file: BinaryIO, moov: _Box) -> Movie:
    seconds: float | None = None
    if mvhd := _find(file, moov, b"mvhd"):
        scale, length = _times(file, mvhd)
        if length == 0 and (mvex := _find(file, moov, b"mvex")) and (mehd := _find(file, mvex, b"mehd")):
            length = _fragment_length(file, mehd)
        seconds = round(length / scale, 3) or None if scale else None
    for trak in _boxes(file, moov):
        if trak.name == b"trak" and _is_video(file, trak) and (tkhd := _find(file, trak, b"tkhd")):
            return Movie(seconds, *_frame(file, tkhd))
    raise Unreadable("no video track")


def _whole(file: BinaryIO) -> _Box:
    return _Box(b"", 0, file.seek(0, 2))


def _boxes(file: BinaryIO, parent: _Box) -> Iterator[_Box]:
    """The boxes directly inside; a size of 1 means that 64 bits follow, 0 that the box goes to the end."""
    at = parent.start
    for _ in range(MOST_BOXES):
        if at + 8 > parent.end:
            return
        size, name = struct.unpack(">I4s", _at(file, at, 8))
        head = 8
        if size == 1:
            size, head = struct.unpack(">Q", _at(file, at + 8, 8))[0], 16
        elif size == 0:
            size = parent.end - at
        if size < head or at + size > parent.end:
            raise Unreadable("a box that does not fit into the file")
        yield _Box(name, at + head, at + size)
        at += size
    raise Unreadable("too many boxes")


def _find(file: BinaryIO, parent: _Box, name: bytes) -> _Box | None:
    return next((box for box in _boxes(file, parent) if box.name == name), None)


def _at(file: BinaryIO, offset: int, length: int) -> bytes:
    file.seek(offset)
    return file.read(length)


def _is_video(file: BinaryIO, trak: _Box) -> bool:
    mdia = _find(file, trak, b"mdia")
    hdlr = _find(file, mdia, b"hdlr") if mdia else None
    return hdlr is not None and _at(file, hdlr.start + 8, 4) == b"vide"


def _times(file: BinaryIO, mvhd: _Box) -> tuple[int, int]:
    """(ticks a second, length in ticks); a length of all ones means unknown."""
    if _at(file, mvhd.start, 1) == b"\x01":
        scale, length = struct.unpack(">IQ", _at(file, mvhd.start + 20, 12))
        return scale, 0 if length == 0xFFFFFFFFFFFFFFFF else length
    scale, length = struct.unpack(">II", _at(file, mvhd.start + 12, 8))
    return scale, 0 if length == 0xFFFFFFFF else length


def _fragment_length(file: BinaryIO, mehd: _Box) -> int:
    if _at(file, mehd.start, 1) == b"\x01":
        return int(struct.unpack(">Q", _at(file, mehd.start + 4, 8))[0])
    return int(struct.unpack(">I", _at(file, mehd.start + 4, 4))[0])


def _frame(file: BinaryIO, tkhd: _Box) -> tuple[int, int, int]:
    """(width, height, rotation) from the track header's 16.16 numbers and its matrix."""
    matrix_at = tkhd.start + (52 if _at(file, tkhd.start, 1) == b"\x01" else 40)
    a, b, _, c, d = struct.unpack(">5i", _at(file, matrix_at, 20))
    width, height = (value >> 16 for value in struct.unpack(">II", _at(file, matrix_at + 36, 8)))
    turn = {(0, 1, -1, 0): 90, (-1, 0, 0, -1): 180, (0, -1, 1, 0): 270}.get((_sign(a), _sign(b), _sign(c), _sign(d)), 0)
    return (height, width, turn) if turn in (90, 270) else (width, height, turn)


def _sign(value: int) -> int:
    return (value > 0) - (value < 0)
