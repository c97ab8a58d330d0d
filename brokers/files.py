"""Reading media files piece by piece, off the event loop, so that memory stays flat however large the file is."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import anyio.to_thread


async def read_range(path: Path, start: int, length: int) -> bytes:
    """Up to `length` bytes from offset `start`; shorter at the end of the file."""

    def read() -> bytes:
        with path.open("rb") as file:
            file.seek(start)
            return file.read(length)

    return await anyio.to_thread.run_sync(read)


async def chunks(path: Path, size: int, start: int = 0, end: int | None = None) -> AsyncIterator[bytes]:
    """The bytes from `start` up to (not including) `end`, at most `size` at a time."""
    while end is None or start < end:
        chunk = await read_range(path, start, size if end is None else min(size, end - start))
        if not chunk:
            return
        yield chunk
        start += len(chunk)
