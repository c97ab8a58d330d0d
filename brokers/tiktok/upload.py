"""A video's bytes on their way to TikTok: chunks in order, and the last one publishes.

developers.tiktok.com/doc/content-posting-api-media-transfer-guide, read 2026-11-22.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from brokers.base import LocalFile
from brokers.errors import PlatformError, Unclear
from brokers.files import chunks
from brokers.platform_http import PlatformHttp
from brokers.tiktok.api import ask, publish_id_of
from brokers.tiktok.errors import upload_refused

#: Bytes of a chunk: TikTok takes 5 to 64 MB, and does not say which MB.
CHUNK = 10 * 1024 * 1024


@dataclass(frozen=True)
class Upload:
    """One file on its way. `url` is a secret for an hour: who knows it may upload."""

    publish_id: str
    size: int
    url: str = field(repr=False)

    @property
    def last_chunk(self) -> int:
        """Where the last request begins: nothing is posted before it arrives."""
        chunk, count = chunk_plan(self.size)
        return (count - 1) * chunk


def chunk_plan(size: int) -> tuple[int, int]:
    """(chunk_size, total_chunk_count). The count is rounded down: the last chunk takes the rest."""
    return (size, 1) if size < 2 * CHUNK else (CHUNK, size // CHUNK)


async def begin(api: PlatformHttp, token: str, file: LocalFile, post_info: dict[str, Any]) -> dict[str, Any]:
    """`{publish_id, url, size}`. Nothing is posted until the bytes are there; the address is good for an hour."""
    chunk, count = chunk_plan(file.size_bytes)
    source = {
        "source": "FILE_UPLOAD", "video_size": file.size_bytes, "chunk_size": chunk, "total_chunk_count": count,
    }  # fmt: skip
    said = await ask(api, token, "video/init", {"post_info": post_info, "source_info": source})
    if not isinstance(said.get("upload_url"), str):
        raise Unclear("an upload without an address")
    return {"publish_id": publish_id_of(said), "url": said["upload_url"], "size": file.size_bytes}


async def put(api: PlatformHttp, upload: Upload, file: LocalFile, start: int, stop: int) -> None:
    """Sends one chunk. Raises PlatformError (restart) when the address no longer takes it."""
    headers = {
        "content-type": file.mime_type,
        "content-length": str(stop - start),
        "content-range": f"bytes {start}-{stop - 1}/{upload.size}",
    }
    try:
        await api.request("PUT", upload.url, headers=headers, content=chunks(file.path, start, stop))
    except PlatformError as error:
        if error.status in (403, 404, 416):
            raise upload_refused(error.status) from error
        raise
