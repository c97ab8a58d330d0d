"""TikTok: ask what the creator allows, hand over the media, wait until TikTok has published it.

developers.tiktok.com/doc/content-posting-api-reference-direct-post, .../content-posting-api-reference-photo-post and
.../content-posting-api-reference-get-video-status, read 2026-11-22.
"""

from __future__ import annotations

from typing import Any

from brokers.base import NOT_SEEN, PENDING, RESUME, Account, Attempt, Draft, LocalFile, Receipt, Sighting, Steps
from brokers.errors import PlatformError
from brokers.platform_http import PlatformHttp
from brokers.platform_settings import settings_of
from brokers.tiktok.accepts import Settings
from brokers.tiktok.api import ask, publish_id_of
from brokers.tiktok.creator import ask_creator, narrowed, post_info
from brokers.tiktok.errors import failure
from brokers.tiktok.upload import Upload, begin, chunk_plan, put

#: Seconds between looks at a post (TikTok allows 30 a minute), and until it counts as taken although it is not shown yet.
POLL, PROCESSING = 5, 600
ENDED = ("PUBLISH_COMPLETE", "FAILED")


async def publish(api: PlatformHttp, account: Account, draft: Draft, steps: Steps) -> Receipt:
    """Raises PlatformError (content) when the creator does not allow what the post asks for."""
    creator = await steps.upload("creator", lambda: ask_creator(api, account.access_token))
    info = post_info(draft, creator)
    hand_over = _hand_over_video if draft.videos else _hand_over_photos
    publish_id = await hand_over(api, account, draft, steps, info)
    status, late = await _outcome(api, account, steps, publish_id)
    return _receipt(api, account, draft, publish_id, status, creator, late)


async def find(api: PlatformHttp, account: Account, draft: Draft, attempt: Attempt) -> Sighting:
    """Asks TikTok about the publish id. Photos whose answer was lost have none, and cannot be looked up."""
    upload, creator = attempt.journal.get("upload"), attempt.journal.get("creator")
    publish_id = attempt.journal.get("photos") or (upload and upload["publish_id"])
    if not publish_id or not creator:
        return NOT_SEEN
    status = await _status(api, account, publish_id)
    if status["status"] == "PUBLISH_COMPLETE":
        return Sighting("published", _receipt(api, account, draft, publish_id, status, creator))
    if status["status"] == "FAILED":
        return Sighting("refused", error=failure(status["reason"]))
    # One publish id makes one post at most, so the bytes that are missing may follow.
    return RESUME if upload and _lacks_bytes(status, upload["size"]) else PENDING


async def _hand_over_video(api: PlatformHttp, account: Account, draft: Draft, steps: Steps, info: dict[str, Any]) -> str:
    file = await draft.videos[0].file()
    begun = await steps.upload("upload", lambda: begin(api, account.access_token, file, info))
    upload, may_be_there = Upload(**begun), True

    async def send() -> int:
        nonlocal may_be_there
        may_be_there = False
        return await _send_all_but_last(api, account, upload, file)

    # Where the journal has this step already, an earlier last chunk may have arrived.
    await steps.upload("chunks", send)
    return await steps.publish("last-chunk", lambda fresh: _finish(fresh, upload, file, may_be_there))


async def _hand_over_photos(api: PlatformHttp, account: Account, draft: Draft, steps: Steps, info: dict[str, Any]) -> str:
    """TikTok fetches photos itself, and posts them without another word from us."""
    urls = [await photo.public_url() for photo in draft.images]
    body = {
        "media_type": "PHOTO",
        "post_mode": "DIRECT_POST",
        "post_info": info,
        "source_info": {"source": "PULL_FROM_URL", "photo_images": urls, "photo_cover_index": 0},
    }

    async def release(fresh: PlatformHttp) -> str:
        return publish_id_of(await ask(fresh, account.access_token, "content/init", body))

    return await steps.publish("photos", release)


async def _send_all_but_last(api: PlatformHttp, account: Account, upload: Upload, file: LocalFile) -> int:
    """After a break TikTok says how many bytes it has; a chunk of which it lacks some is sent again."""
    chunk, _ = chunk_plan(upload.size)
    if upload.last_chunk:
        has = (await _status(api, account, upload.publish_id))["bytes"] or 0
        for start in range(has // chunk * chunk, upload.last_chunk, chunk):
            await put(api, upload, file, start, start + chunk)
    return upload.last_chunk


async def _finish(fresh: PlatformHttp, upload: Upload, file: LocalFile, may_be_there: bool) -> str:
    try:
        await put(fresh, upload, file, upload.last_chunk, upload.size)
    except PlatformError as error:
        error.may_have_posted = error.may_have_posted or may_be_there
        raise
    return upload.publish_id


async def _status(api: PlatformHttp, account: Account, publish_id: str) -> dict[str, Any]:
    """`{status, reason, ids, bytes}` as TikTok tells them; `ids` are the public posts (TikTok's own spelling)."""
    said = await ask(api, account.access_token, "status/fetch", {"publish_id": publish_id})
    ids = said.get("publicaly_available_post_id") or said.get("publicly_available_post_id") or []
    return {
        "status": str(said.get("status")), "reason": str(said.get("fail_reason") or "unknown"),
        "ids": [str(id) for id in ids], "bytes": said.get("uploaded_bytes"),
    }  # fmt: skip


def _lacks_bytes(status: dict[str, Any], size: int) -> bool:
    has = status["bytes"]
    return status["status"] == "PROCESSING_UPLOAD" and isinstance(has, int) and has < size


async def _outcome(api: PlatformHttp, account: Account, steps: Steps, publish_id: str) -> tuple[dict[str, Any], str | None]:
    """What became of the post, or a note that TikTok still works on it. Raises PlatformError when it failed."""

    async def look() -> dict[str, Any] | None:
        try:
            status = await _status(api, account, publish_id)
        except PlatformError as error:
            if error.kind not in ("transient", "quota"):
                raise
            return None
        return status if status["status"] in ENDED else None

    try:
        status = await steps.wait("outcome", look, every=api.every(POLL), limit=PROCESSING)
    except PlatformError as error:
        if error.kind != "transient":
            raise
        return {"ids": []}, "TikTok took the post and still works on it: look at the account in a while."
    if status["status"] == "FAILED":
        raise failure(status["reason"])
    return status, None


def _receipt(
    api: PlatformHttp, account: Account, draft: Draft, publish_id: str, status: dict[str, Any],
    creator: dict[str, Any], late: str | None = None,
) -> Receipt:  # fmt: skip
    """A post that not everyone may see has no public id: then the link is the profile's."""
    name, post_id = account.username or creator["username"], next(iter(status["ids"]), None)
    profile = f"https://www.tiktok.com/@{name}" if name else None
    kind = "video" if draft.videos else "photo"
    link = f"{profile}/{kind}/{post_id}" if profile and post_id else profile
    notes = (narrowed(settings_of(draft, Settings), creator["privacy"]), late)
    return Receipt(post_id or publish_id, api.link(link) if link else None, tuple(note for note in notes if note))
