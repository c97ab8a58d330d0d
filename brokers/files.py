"""Sending media files piece by piece, read off the event loop, so that memory stays flat however large the file is."""

from __future__ import annotations

import secrets
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import anyio.to_thread

#: Bytes held in memory at a time.
PIECE = 256 * 1024


@dataclass(frozen=True)
class FormFile:
    """The file field of a form: up to `length` bytes from offset `start` of the file at `path`. `field` and `filename` are
    names of ours, so they need no escaping."""

    field: str
    filename: str
    mime_type: str
    path: Path
    start: int
    length: int


async def chunks(path: Path, start: int = 0, end: int | None = None) -> AsyncIterator[bytes]:
    """The bytes from `start` up to (not including) `end`, or the end of the file."""
    while end is None or start < end:
        chunk = await _read(path, start, PIECE if end is None else min(PIECE, end - start))
        if not chunk:
            return
        yield chunk
        start += len(chunk)


def multipart(fields: Mapping[str, str], file: FormFile) -> tuple[dict[str, str], AsyncIterator[bytes]]:
    """Headers and body of a form with one file. RFC 7578."""
    boundary = secrets.token_hex(16)
    texts = "".join(
        f'--{boundary}\r\ncontent-disposition: form-data; name="{name}"\r\n\r\n{value}\r\n' for name, value in fields.items()
    )
    head = (
        f'{texts}--{boundary}\r\ncontent-disposition: form-data; name="{file.field}"; filename="{file.filename}"\r\n'
        f"content-type: {file.mime_type}\r\n\r\n"
    ).encode()
    tail = f"\r\n--{boundary}--\r\n".encode()
    end = min(file.start + file.length, file.path.stat().st_size)

    async def body() -> AsyncIterator[bytes]:
        yield head
        async for chunk in chunks(file.path, file.start, end):
            yield chunk
        yield tail

    length = len(head) + end - file.start + len(tail)
    return {"content-type": f"multipart/form-data; boundary={boundary}", "content-length": str(length)}, body()


async def _read(path: Path, start: int, length: int) -> bytes:
    def read() -> bytes:
        with path.open("rb") as file:
            file.seek(start)
            return file.read(length)

    return await anyio.to_thread.run_sync(read)
