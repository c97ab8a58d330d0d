"""Media on a real port, as platforms that fetch by URL need it."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from brokers.base import Media
from tests.brokers.bench import FileSource
from tests.serving import free_port, serving

#: The first bytes of real files are enough for the simulator, which looks at no more than those.
JPEG = b"\xff\xd8\xff\xe0" + b"a picture" * 20
PNG = b"\x89PNG\r\n\x1a\n" + b"a drawing" * 20
MP4 = b"\x00\x00\x00\x18ftypmp42" + b"a film" * 40
TYPES = {JPEG[:3]: "image/jpeg", PNG[:3]: "image/png"}


class MediaServer:
    """Files by number under one root."""

    def __init__(self) -> None:
        self.files: list[tuple[bytes, str]] = []
        self.root = ""

    @staticmethod
    def nowhere() -> FileSource:
        """A source whose URL nobody answers."""
        return FileSource(Path("none"), "video/mp4", f"http://127.0.0.1:{free_port()}/none")

    def media(self, kind: Any, data: bytes, **more: Any) -> Media:
        self.files.append((data, _type(data)))
        url = f"{self.root}/{len(self.files) - 1}"
        return Media(kind, url, source=FileSource(Path("none"), _type(data), url), **more)

    def photos(self, count: int) -> tuple[Media, ...]:
        return tuple(self.media("image", JPEG + bytes([n])) for n in range(count))

    def seen(self, data: bytes, alt_text: str | None = None) -> dict[str, Any]:
        """How the simulator's ledger tells of a file."""
        digest = hashlib.sha256(data).hexdigest()
        return {"sha256": digest, "size": len(data), "mimeType": _type(data), "altText": alt_text}

    async def answer(self, request: Request) -> Response:
        data, kind = self.files[int(request.path_params["n"])]
        return Response(data, media_type=kind)


def _type(data: bytes) -> str:
    return TYPES.get(data[:3], "video/mp4")


def hosting() -> Iterator[MediaServer]:
    server = MediaServer()
    with serving(Starlette(routes=[Route("/{n:int}", server.answer)])) as server.root:
        yield server
