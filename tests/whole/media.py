"""Files of every kind, each with bytes of its own, and a host that serves them."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from typing import Any

from PIL import Image
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from tests.media.conftest import movie
from tests.serving import serving

MIB = 1024 * 1024
SQUARE, TALL = (640, 640), (720, 1280)


@dataclass(frozen=True)
class File:
    """A file's bytes, and what an agent says about them. `colour` is that of every pixel of an image."""

    content: bytes
    mime_type: str
    size: tuple[int, int]
    seconds: float | None = None
    colour: tuple[int, int, int] = (0, 0, 0)

    @property
    def sha256(self) -> str:
        return hashlib.sha256(self.content).hexdigest()

    @property
    def kind(self) -> str:
        return "gif" if self.mime_type == "image/gif" else self.mime_type.partition("/")[0]

    def described(self, url: str) -> dict[str, Any]:
        """The typed media item of `posts_create`."""
        item = {
            "type": self.kind, "url": url, "mimeType": self.mime_type, "sizeBytes": len(self.content),
            "width": self.size[0], "height": self.size[1], "durationSeconds": self.seconds,
        }  # fmt: skip
        return {name: value for name, value in item.items() if value is not None}


def _image(form: str, colour: tuple[int, int, int]) -> File:
    into = io.BytesIO()
    Image.new("RGB", SQUARE, colour).save(into, form)
    return File(into.getvalue(), f"image/{form.lower()}", SQUARE, colour=colour)


def _movie(brand: str, mime_type: str, seconds: float, extra: int) -> File:
    return File(movie(brand, TALL, seconds, after=extra), mime_type, TALL, seconds)


@cache
def files() -> dict[str, File]:
    """`long.mp4` is more than one chunk on every platform."""
    return {
        **{f"photo-{n}.jpg": _image("JPEG", (10 * n, 90, 160)) for n in range(1, 11)},
        "drawing.png": _image("PNG", (200, 30, 60)),
        "picture.webp": _image("WEBP", (20, 160, 90)),
        "moving.gif": _image("GIF", (90, 20, 200)),
        "film.mp4": _movie("isom", "video/mp4", 12, 3000),
        "other.mp4": _movie("isom", "video/mp4", 15, 4000),
        "film.mov": _movie("qt  ", "video/quicktime", 12, 5000),
        "long.mp4": _movie("isom", "video/mp4", 30, 21 * MIB),
    }


async def _answer(request: Request) -> Response:
    file = files().get(request.path_params["name"])
    return Response(b"", 404) if file is None else Response(file.content, media_type=file.mime_type)


@contextmanager
def hosted() -> Iterator[str]:
    """The root below which each file is served under its name."""
    with serving(Starlette(routes=[Route("/{name}", _answer)])) as root:
        yield root
