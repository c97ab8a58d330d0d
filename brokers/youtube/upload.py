"""YouTube's resumable upload: a session that takes a file in pieces and makes exactly one video of it.

developers.google.com/youtube/v3/guides/using_resumable_upload_protocol and the discovery document of 2026-11-04,
read 2026-11-22.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any

from brokers.base import Account, LocalFile
from brokers.errors import PlatformError, Reply, Unclear
from brokers.files import chunks
from brokers.platform_http import PlatformHttp
from brokers.youtube.errors import session_gone

VIDEOS = "https://www.googleapis.com/upload/youtube/v3/videos"
#: Bytes of one request, a multiple of 256 KiB as YouTube wants it.
CHUNK = 8 * 1024 * 1024


@dataclass(frozen=True)
class Upload:
    """One file on its way into one session. `uri` is its address, a secret: who knows it may upload."""

    account: Account
    uri: str = field(repr=False)
    size: int

    @property
    def last_chunk(self) -> int:
        """Where the last request begins: nothing is a video before it arrives."""
        return (self.size - 1) // CHUNK * CHUNK


async def open_session(api: PlatformHttp, account: Account, file: LocalFile, body: dict[str, Any], notify: bool) -> str:
    """The session's URI. Nothing is on YouTube yet."""
    asked = {"uploadType": "resumable", "part": "snippet,status", "notifySubscribers": str(notify).lower()}
    headers = {
        "content-type": "application/json; charset=UTF-8",
        "x-upload-content-length": str(file.size_bytes),
        "x-upload-content-type": file.mime_type,
    }
    token = account.access_token
    reply = await api.request("POST", VIDEOS, params=asked, headers=headers, json_body=body, token=token)
    if not reply.headers.get("location"):
        raise Unclear("an upload session without an address")
    return str(reply.headers["location"])


async def send(api: PlatformHttp, upload: Upload, file: LocalFile, start: int, end: int) -> dict[str, Any] | None:
    """Sends the bytes from `start` up to `end` as far as the session lacks them, and believes what it says it has.

    The video when the session finished it, else None. Raises PlatformError (restart) when the session is gone.
    """
    while start < end:
        stop = min((start // CHUNK + 1) * CHUNK, end)
        headers = {"content-length": str(stop - start), "content-range": f"bytes {start}-{stop - 1}/{upload.size}"}
        reply = await _put(api, upload, headers, chunks(file.path, start, stop))
        if reply.status != 308:
            return _video(reply)
        if (taken := _taken(reply)) <= start:
            raise Unclear("the upload session took none of the bytes")
        start = taken
    return None


async def ask(api: PlatformHttp, upload: Upload) -> int | dict[str, Any]:
    """How many bytes the session has, or the video that it has become. Read-only."""
    headers = {"content-length": "0", "content-range": f"bytes */{upload.size}"}
    reply = await _put(api, upload, headers, b"")
    return _taken(reply) if reply.status == 308 else _video(reply)


async def _put(api: PlatformHttp, upload: Upload, headers: dict[str, str], content: Any) -> Reply:
    try:
        return await api.request(
            "PUT", upload.uri, headers=headers, content=content, token=upload.account.access_token, secret=True
        )
    except PlatformError as error:
        if error.status in (404, 410):
            raise session_gone(error.status) from error
        raise


def _taken(reply: Reply) -> int:
    found = re.fullmatch(r"(?:bytes=)?0-(\d+)", reply.headers.get("range", ""))
    return int(found[1]) + 1 if found else 0


def _video(reply: Reply) -> dict[str, Any]:
    if not isinstance(reply.body, dict) or not isinstance(reply.body.get("id"), str):
        raise Unclear(f"HTTP {reply.status} without a video")
    return reply.body
