"""Images and videos for LinkedIn: announced, sent to the addresses that LinkedIn names, and for videos put together.

.../community-management/shares/images-api and .../shares/videos-api on learn.microsoft.com, read 2026-11-22.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any
from urllib.parse import quote

from brokers.base import Account, LocalFile, Media, Steps
from brokers.errors import PlatformError, Reply, Unclear
from brokers.files import chunks
from brokers.linkedin.errors import ROWS
from brokers.linkedin.rest import act, author, call, said
from brokers.platform_http import PlatformHttp

PART_TIMEOUT = 300.0
#: Seconds between looks at a video, and until LinkedIn has had its time.
POLL, PROCESSING = 5, 1800


async def image(api: PlatformHttp, account: Account, media: Media) -> str:
    """Uploads an image; its URN."""
    file = await media.file()
    begun = await act(api, account, "/images", "initializeUpload", owner=author(account))
    await _put(api, said(begun, "uploadUrl"), file, 0, file.size_bytes, account.access_token)
    return str(said(begun, "image"))


async def video(api: PlatformHttp, account: Account, media: Media, steps: Steps) -> str:
    """Uploads a video and waits until LinkedIn has processed it; its URN."""
    urn = await steps.upload("video", lambda: _upload_video(api, account, media))
    await steps.wait("video-ready", _ready(api, account, urn), every=api.every(POLL), limit=PROCESSING)
    return urn


async def _upload_video(api: PlatformHttp, account: Account, media: Media) -> str:
    file = await media.file()
    begun = await act(
        api, account, "/videos", "initializeUpload", owner=author(account), fileSizeBytes=file.size_bytes,
        uploadCaptions=False, uploadThumbnail=False,
    )  # fmt: skip
    urn = str(said(begun, "video"))
    parts = [await _put_part(api, file, part) for part in said(begun, "uploadInstructions")]
    await act(
        api, account, "/videos", "finalizeUpload", video=urn, uploadToken=begun.get("uploadToken") or "",
        uploadedPartIds=parts,
    )  # fmt: skip
    return urn


async def _put_part(api: PlatformHttp, file: LocalFile, part: dict[str, Any]) -> str:
    """Sends one part, without a token since its address is signed; the part's id."""
    reply = await _put(api, part["uploadUrl"], file, int(part["firstByte"]), int(part["lastByte"]) + 1, None)
    etag = reply.headers.get("etag", "").strip('"')
    if not etag:
        raise Unclear("an uploaded part without an ETag")
    return etag


async def _put(api: PlatformHttp, url: str, file: LocalFile, start: int, end: int, token: str | None) -> Reply:
    headers = {"content-type": "application/octet-stream", "content-length": str(end - start)}
    content = chunks(file.path, start, end)
    return await api.request("PUT", url, headers=headers, content=content, token=token, timeout=PART_TIMEOUT)


def _ready(api: PlatformHttp, account: Account, urn: str) -> Callable[[], Awaitable[str | None]]:
    async def ask() -> str | None:
        try:
            reply = await call(api, account, "GET", f"/videos/{quote(urn, safe='')}")
        except PlatformError as error:
            if error.status != 403:
                raise
            # Members may lack the permission to look. The post itself is then refused for as long as the video is
            # not ready, which is tried again.
            return "UNKNOWN"
        status = reply.body.get("status") if isinstance(reply.body, dict) else None
        if status == "PROCESSING_FAILED":
            raise _unprocessed()
        return "AVAILABLE" if status == "AVAILABLE" else None

    return ask


def _unprocessed() -> PlatformError:
    row = ROWS["MEDIA_ASSET_PROCESSING_FAILED"]
    return PlatformError(
        "LinkedIn could not process the video.", kind=row.kind, code=row.code, broker_code=row.broker_code,
        hint=row.hint, platform_code="PROCESSING_FAILED",
    )  # fmt: skip
