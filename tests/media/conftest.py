"""A host of media on a loopback port, and files of every kind made on the spot."""

from __future__ import annotations

import asyncio
import io
import struct
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field
from urllib.parse import urlsplit

import pytest
from PIL import Image
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response, StreamingResponse
from starlette.routing import Route

from ampost_mcp.services.addresses import Allowed
from tests.serving import serving


def image(kind: str = "JPEG", size: tuple[int, int] = (64, 48), mode: str = "RGB") -> bytes:
    file = io.BytesIO()
    Image.new(mode, size, (200, 30, 60, 128)[: len(mode)]).save(file, kind)
    return file.getvalue()


def box(name: str, *parts: bytes) -> bytes:
    body = b"".join(parts)
    return struct.pack(">I4s", len(body) + 8, name.encode()) + body


def movie(
    brand: str = "isom", size: tuple[int, int] = (640, 360), seconds: float = 2.5, turned: bool = False, after: int = 0
) -> bytes:
    """The smallest MP4 or MOV that says its size and length; `after` bytes of samples come before the header."""
    w, h = size
    matrix = (0, 0x10000, 0, -0x10000, 0, 0, 0, 0, 0x40000000) if turned else (0x10000, 0, 0, 0, 0x10000, 0, 0, 0, 0x40000000)
    head = struct.pack(">IIIIII", 3, 0, 0, 1, 0, int(seconds * 1000)) + bytes(16)
    tkhd = box("tkhd", head, struct.pack(">9i", *matrix), struct.pack(">II", w << 16, h << 16))
    hdlr = box("hdlr", bytes(8), b"vide", bytes(13))
    mvhd = box("mvhd", struct.pack(">IIIII", 0, 0, 0, 1000, int(seconds * 1000)), bytes(80))
    moov = box("moov", mvhd, box("trak", tkhd, box("mdia", hdlr)))
    return box("ftyp", brand.encode(), bytes(4), brand.encode()) + box("mdat", bytes(after)) + moov


@dataclass
class Host:
    """`files` by path; `/to?u=` redirects; `/endless` and `/slow` never end; `seen` counts requests by path."""

    root: str = ""
    files: dict[str, bytes] = field(default_factory=dict)
    seen: list[str] = field(default_factory=list)

    @property
    def port(self) -> int:
        return int(urlsplit(self.root).port or 0)

    @property
    def allow(self) -> Allowed:
        return frozenset({("127.0.0.1", self.port)})

    def put(self, path: str, content: bytes) -> str:
        self.files[path] = content
        return self.root + path


async def _endless(pause: float) -> AsyncIterator[bytes]:
    while True:
        yield bytes(65536) if not pause else b"x"
        await asyncio.sleep(pause)


@pytest.fixture
def host() -> Iterator[Host]:
    host = Host()

    async def answer(request: Request) -> Response:
        path = request.url.path
        host.seen.append(path)
        if path == "/to":
            return RedirectResponse(request.query_params["u"])
        if path in ("/endless", "/slow"):
            return StreamingResponse(_endless(0.02 if path == "/slow" else 0))
        if path.startswith("/status/"):
            return Response(b"no", int(path.rpartition("/")[2]))
        found = host.files.get(path)
        return Response(b"", 404) if found is None else Response(found, media_type="text/plain")

    with serving(Starlette(routes=[Route("/{path:path}", answer)])) as root:
        host.root = root
        yield host
