"""X: every media item uploaded in segments, then the one request that makes the post public.

X's OpenAPI 2.167 and docs.x.com/x-api/media/quickstart/media-upload-chunked, read 2026-11-22.
"""

from __future__ import annotations

import html
import re
import unicodedata
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any

from brokers.base import NOT_SEEN, Account, Attempt, Draft, LocalFile, Media, Receipt, Sighting, Steps
from brokers.errors import NotSent, PlatformError, Unclear
from brokers.files import FormFile
from brokers.platform_http import PlatformHttp
from brokers.platform_settings import settings_of
from brokers.twitter.accepts import ACCEPTS, Settings

API = "https://api.x.com/2"
CATEGORIES = {"image": "tweet_image", "gif": "tweet_gif", "video": "tweet_video"}
#: Bytes of one segment: as a rule, and at most where a file would need more than 1000 of them (the most is assumed).
SEGMENT, LARGEST_SEGMENT, SEGMENTS = 4 * 1024 * 1024, 8_000_000, 1000
SEGMENT_TIMEOUT = 120.0
#: Seconds between looks at a video, when X names none, and until X has had its time.
POLL, PROCESSING = 5, 1800
#: How far X's clock may be behind this one.
CLOCK_SKEW = timedelta(seconds=60)
_MEDIA_LINK = re.compile(r"/status/\d+/(photo|video)/\d+$")
_SCHEME = re.compile(r"\bhttps?://", re.IGNORECASE)


async def publish(api: PlatformHttp, account: Account, draft: Draft, steps: Steps) -> Receipt:
    """Notes where the timeline stands, uploads the media in order, posts."""
    await steps.upload("before", lambda: _newest(api, account))
    media_ids = [await _attach(api, account, item, f"media-{n}", steps) for n, item in enumerate(draft.media)]
    post_id = await steps.publish("post", lambda fresh: _create(fresh, account, _body(draft, media_ids)))
    return _receipt(api, account, post_id)


async def find(api: PlatformHttp, account: Account, draft: Draft, attempt: Attempt) -> Sighting:
    """Looks for the draft in the account's own timeline, after what stood there before the attempt."""
    before = attempt.journal.get("before")
    since = {"since_id": before} if before else {"start_time": f"{attempt.started_at - CLOCK_SKEW:%Y-%m-%dT%H:%M:%SZ}"}
    asked = {"max_results": "100", "post.fields": "attachments,created_at,entities", "exclude": "retweets"}
    listed = await _timeline(api, account, asked | since)
    uploads = [attempt.journal.get(f"media-{n}") or {} for n, _ in enumerate(draft.media)]
    media_ids = {str(upload.get("id")) for upload in uploads}
    for post in listed.get("data") or []:
        if str(post.get("id")) not in attempt.taken and _is_ours(post, ACCEPTS.compose(draft), media_ids):
            return Sighting("published", _receipt(api, account, str(post["id"])))
    return NOT_SEEN


# -- media -------------------------------------------------------------------------------------------------------


async def _attach(api: PlatformHttp, account: Account, media: Media, name: str, steps: Steps) -> str:
    upload = await steps.upload(name, lambda: _upload(api, account, media))
    media_id: str = upload["id"]
    if upload["check_after"] is not None:
        every = api.every(upload["check_after"] or POLL)
        await steps.wait(f"{name}-ready", _ready(api, account, media_id), every=every, limit=PROCESSING)
    if media.alt_text:
        await steps.upload(f"{name}-alt", lambda: _describe(api, account, media_id, media.alt_text))
    return media_id


async def _upload(api: PlatformHttp, account: Account, media: Media) -> dict[str, Any]:
    """`id` of the media, and `check_after`: seconds until X's processing should be looked at, None when it is done."""
    file = await media.file()
    announced = {"media_type": file.mime_type, "total_bytes": file.size_bytes, "media_category": CATEGORIES[media.kind]}
    media_id = str((await _post(api, account, "/media/upload/initialize", json_body=announced))["id"])
    await _append(api, account, media_id, file)
    done = await _post(api, account, f"/media/upload/{media_id}/finalize")
    processing = done.get("processing_info")
    return {"id": media_id, "check_after": _check_after(processing) if processing else None}


async def _append(api: PlatformHttp, account: Account, media_id: str, file: LocalFile) -> None:
    size = min(LARGEST_SEGMENT, max(SEGMENT, -(-file.size_bytes // SEGMENTS)))
    for index, start in enumerate(range(0, file.size_bytes, size)):
        segment = FormFile("media", f"segment-{index}", "application/octet-stream", file.path, start, size)
        await api.request(
            "POST", f"{API}/media/upload/{media_id}/append", form={"segment_index": str(index)}, file=segment,
            token=account.access_token, timeout=max(api.timeout, SEGMENT_TIMEOUT),
        )  # fmt: skip


async def _describe(api: PlatformHttp, account: Account, media_id: str, alt_text: str | None) -> bool:
    body = {"id": media_id, "metadata": {"alt_text": {"text": alt_text}}}
    await api.request("POST", f"{API}/media/metadata", json_body=body, token=account.access_token)
    return True


def _ready(api: PlatformHttp, account: Account, media_id: str) -> Callable[[], Awaitable[str | None]]:
    async def ask() -> str | None:
        asked = {"command": "STATUS", "media_id": media_id}
        reply = await api.request("GET", f"{API}/media/upload", params=asked, token=account.access_token)
        processing = _data(reply.body).get("processing_info") or {"state": "succeeded"}
        if processing.get("state") == "failed":
            raise _unprocessed(processing)
        return "succeeded" if processing.get("state") == "succeeded" else None

    return ask


def _unprocessed(processing: dict[str, Any]) -> PlatformError:
    error = processing.get("error")
    said = error if isinstance(error, dict) else {}
    reason = str(said.get("message") or said.get("name") or "no reason given")
    return PlatformError(
        f"X could not process the media: {reason}.", kind="content", code="MEDIA_UPLOAD_FAILED", broker_code=None,
        hint="Encode the video as MP4 with H.264 and AAC (a GIF with at most 350 frames), then post again.",
        platform_code=str(said.get("name") or "failed"),
    )  # fmt: skip


def _check_after(processing: dict[str, Any]) -> float:
    seconds = processing.get("check_after_secs")
    return float(seconds) if isinstance(seconds, int | float) else 0.0


# -- the post ----------------------------------------------------------------------------------------------------


def _body(draft: Draft, media_ids: list[str]) -> dict[str, Any]:
    wanted = {
        "text": ACCEPTS.compose(draft),
        "media": {"media_ids": media_ids} if media_ids else None,
        "reply_settings": settings_of(draft, Settings).reply_settings,
    }
    return {name: value for name, value in wanted.items() if value}


async def _create(fresh: PlatformHttp, account: Account, body: dict[str, Any]) -> str:
    return str((await _post(fresh, account, "/tweets", json_body=body))["id"])


async def _post(api: PlatformHttp, account: Account, path: str, **sent: Any) -> dict[str, Any]:
    return _data((await api.request("POST", f"{API}{path}", token=account.access_token, **sent)).body)


def _data(body: Any) -> dict[str, Any]:
    if not isinstance(body, dict) or not isinstance(body.get("data"), dict):
        raise Unclear("an answer without data")
    return dict(body["data"])


def _receipt(api: PlatformHttp, account: Account, post_id: str) -> Receipt:
    return Receipt(post_id, api.link(f"https://x.com/{account.username or 'i'}/status/{post_id}"))


# -- the timeline ------------------------------------------------------------------------------------------------


async def _newest(api: PlatformHttp, account: Account) -> str | None:
    """The id of the account's newest post, None when it has none or could not be asked."""
    try:
        listed = await _timeline(api, account, {"max_results": "5"})
    except (NotSent, Unclear, PlatformError):
        return None
    return (listed.get("meta") or {}).get("newest_id")


async def _timeline(api: PlatformHttp, account: Account, asked: dict[str, str]) -> dict[str, Any]:
    url = f"{API}/users/{account.platform_account_id}/tweets"
    reply = await api.request("GET", url, params=asked, token=account.access_token)
    if not isinstance(reply.body, dict):
        raise Unclear("a timeline that is not an object")
    return reply.body


def _is_ours(post: dict[str, Any], text: str, media_ids: set[str]) -> bool:
    """Same text and as many media. A post without text is known by its media alone, whose keys end in their ids."""
    keys = (post.get("attachments") or {}).get("media_keys") or []
    if _plain(_shown(post)) != _plain(text) or len(keys) != len(media_ids):
        return False
    return bool(text.strip()) or {key.rpartition("_")[2] for key in keys} == media_ids


def _shown(post: dict[str, Any]) -> str:
    """The text as it was written: X puts t.co in the place of every link, adds one for media, and escapes & < >."""
    text: str = post.get("text") or ""
    for link in (post.get("entities") or {}).get("urls") or []:
        written = link.get("expanded_url") or ""
        text = text.replace(link.get("url") or written, "" if _MEDIA_LINK.search(written) else written)
    return html.unescape(text)


def _plain(text: str) -> str:
    """What is left when spacing, Unicode form and the scheme of links, which X adds, no longer differ."""
    return " ".join(_SCHEME.sub("", unicodedata.normalize("NFC", text)).split())
