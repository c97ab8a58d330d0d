"""YouTube: open an upload session, send the file, then the last bytes that make it a video.

developers.google.com/youtube/v3/docs/videos/insert, .../videos/list and .../thumbnails/set, read 2026-11-22.
"""

from __future__ import annotations

from datetime import UTC
from functools import partial
from typing import Any

from brokers.base import NOT_SEEN, RESUME, Account, Attempt, Draft, LocalFile, Media, Receipt, Sighting, Steps
from brokers.errors import NotSent, PlatformError, Unclear
from brokers.files import chunks
from brokers.platform_http import PlatformHttp
from brokers.platform_settings import settings_of
from brokers.youtube import upload as resumable
from brokers.youtube.accepts import Settings, description, title
from brokers.youtube.errors import verdict_error
from brokers.youtube.oauth import API, items_of
from brokers.youtube.upload import Upload

THUMBNAILS = "https://www.googleapis.com/upload/youtube/v3/thumbnails/set"
#: Seconds between looks at a new video, and until it counts as kept although YouTube still works on it.
POLL, PROCESSING = 10, 180
#: Verdicts after which there is no video.
LOST = ("failed", "rejected", "deleted")


async def publish(api: PlatformHttp, account: Account, draft: Draft, steps: Steps) -> Receipt:
    """Sends the file, lets the last chunk make it a video, sets its thumbnail, waits whether YouTube keeps it."""
    media = draft.media[0]
    file = await media.file()
    session = await steps.upload("session", lambda: _open(api, account, draft, file))
    upload = Upload(account, session["uri"], session["size"])
    await steps.upload("chunks", lambda: _send_all_but_last(api, upload, file))
    video = await steps.publish("last-chunk", lambda fresh: _finish(fresh, upload, file))
    thumbnail = await steps.upload("thumbnail", lambda: _set_thumbnail(api, account, video["id"], media))
    await _wait_until_kept(api, account, steps, video["id"])
    return _receipt(api, account, draft, video, thumbnail)


async def find(api: PlatformHttp, account: Account, draft: Draft, attempt: Attempt) -> Sighting:
    """Asks the session: it makes one video at most, so it may go on where it stopped. A video that is there gets its
    thumbnail, which the broken attempt did not come to; that may be done twice."""
    session = attempt.journal.get("session")
    if session is None:
        return NOT_SEEN
    try:
        found = await resumable.ask(api, Upload(account, session["uri"], session["size"]))
    except PlatformError as error:
        if error.platform_code == "sessionGone":
            return NOT_SEEN
        raise
    return RESUME if isinstance(found, int) else await _found(api, account, draft, _short(found))


async def _found(api: PlatformHttp, account: Account, draft: Draft, video: dict[str, Any]) -> Sighting:
    """Waits for no verdict: a video that YouTube still works on is there."""
    verdict = await _verdict_of(api, account, video["id"])
    if verdict and verdict["status"] in LOST:
        return Sighting("refused", error=verdict_error(verdict["status"], verdict["reason"]))
    thumbnail = await _set_thumbnail(api, account, video["id"], draft.media[0])
    return Sighting("published", _receipt(api, account, draft, video, thumbnail))


def video_of(account: Account, draft: Draft) -> dict[str, Any]:
    """The video resource that is asked for. Left out means public to YouTube, so the visibility always stands there."""
    settings = settings_of(draft, Settings)
    forced = _is_forced_private(account)
    snippet = {
        "title": title(draft), "description": description(draft), "tags": settings.tags,
        "categoryId": settings.category_id,
    }  # fmt: skip
    status = {
        "privacyStatus": "private" if forced else settings.privacy_status,
        "publishAt": None if forced or not settings.publish_at else _timestamp(settings),
        "selfDeclaredMadeForKids": settings.self_declared_made_for_kids,
        "containsSyntheticMedia": settings.contains_synthetic_media,
    }
    return {
        "snippet": {k: v for k, v in snippet.items() if v},
        "status": {k: v for k, v in status.items() if v is not None},
    }


def _timestamp(settings: Settings) -> str | None:
    at = settings.publish_at
    return at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z") if at else None


def _is_forced_private(account: Account) -> bool:
    """Google keeps uploads of an unaudited project private; the operator may ask for that from the start."""
    return bool(account.metadata.get("forcePrivateUploads"))


async def _open(api: PlatformHttp, account: Account, draft: Draft, file: LocalFile) -> dict[str, Any]:
    notify = settings_of(draft, Settings).notify_subscribers
    uri = await resumable.open_session(api, account, file, video_of(account, draft), notify)
    return {"uri": uri, "size": file.size_bytes}


async def _send_all_but_last(api: PlatformHttp, upload: Upload, file: LocalFile) -> int:
    if upload.last_chunk:
        has = await resumable.ask(api, upload)
        if isinstance(has, int):
            await resumable.send(api, upload, file, has, upload.last_chunk)
    return upload.last_chunk


async def _finish(fresh: PlatformHttp, upload: Upload, file: LocalFile) -> dict[str, Any]:
    """The last bytes. After a break this runs again under the same intent, so the session is asked first."""
    try:
        has = await resumable.ask(fresh, upload)
    except PlatformError as error:
        # An earlier request may have finished the session before it went.
        error.may_have_posted = error.platform_code == "sessionGone"
        raise
    video = has if not isinstance(has, int) else await resumable.send(fresh, upload, file, has, upload.size)
    if video is None:
        raise Unclear("the upload session has every byte and names no video")
    return _short(video)


def _short(video: dict[str, Any]) -> dict[str, Any]:
    return {"id": video["id"], "privacy": (video.get("status") or {}).get("privacyStatus")}


async def _set_thumbnail(api: PlatformHttp, account: Account, video_id: str, media: Media) -> str | None:
    """None, or why the video keeps YouTube's own picture: never a reason to fail."""
    if media.thumbnail is None:
        return None
    try:
        image = await media.thumbnail.file()
        asked = {"videoId": video_id, "uploadType": "media"}
        headers = {"content-type": image.mime_type, "content-length": str(image.size_bytes)}
        await api.request(
            "POST", THUMBNAILS, params=asked, headers=headers, content=chunks(image.path),
            token=account.access_token,
        )  # fmt: skip
    except (NotSent, Unclear, PlatformError) as error:
        return f"The thumbnail was not set: {error}"
    return None


async def _wait_until_kept(api: PlatformHttp, account: Account, steps: Steps, video_id: str) -> None:
    """Raises PlatformError when YouTube fails or rejects the video. Not being told is none: the video is there."""

    try:
        ask = partial(_ask_verdict, api, account, video_id)
        verdict = await steps.wait("kept", ask, every=api.every(POLL), limit=PROCESSING)
    except (NotSent, Unclear, PlatformError):
        return
    if verdict["status"] in LOST:
        raise verdict_error(verdict["status"], verdict["reason"])


async def _verdict_of(api: PlatformHttp, account: Account, video_id: str) -> dict[str, Any] | None:
    """The verdict as far as there is one now; None too where YouTube does not tell."""
    try:
        return await _ask_verdict(api, account, video_id)
    except (NotSent, Unclear, PlatformError):
        return None


async def _ask_verdict(api: PlatformHttp, account: Account, video_id: str) -> dict[str, Any] | None:
    asked = {"part": "status,processingDetails", "id": video_id}
    videos = items_of(await api.request("GET", f"{API}/videos", params=asked, token=account.access_token))
    return _verdict(videos[0]) if videos else None


def _verdict(video: dict[str, Any]) -> dict[str, Any] | None:
    status = video.get("status") or {}
    found = status.get("uploadStatus")
    if found in (None, "uploaded"):
        return None
    return {"status": found, "reason": status.get("failureReason") or status.get("rejectionReason")}


def _receipt(api: PlatformHttp, account: Account, draft: Draft, video: dict[str, Any], thumbnail: str | None = None) -> Receipt:
    notes = (_narrowed(account, settings_of(draft, Settings), video["privacy"]), thumbnail)
    link = api.link(f"https://www.youtube.com/watch?v={video['id']}")
    return Receipt(video["id"], link, tuple(note for note in notes if note))


def _narrowed(account: Account, settings: Settings, privacy: str | None) -> str | None:
    """What to say when the video is less visible than asked."""
    if _is_forced_private(account) and (settings.privacy_status != "private" or settings.publish_at):
        return "The video is private: this server forces private uploads (YOUTUBE_FORCE_PRIVATE_UPLOADS)."
    if privacy not in (None, settings.privacy_status):
        return (
            f"YouTube made the video {privacy} instead of {settings.privacy_status}, "
            "as it does while the Google project is not audited."
        )
    return None
