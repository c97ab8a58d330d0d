"""Videos: open an upload, push the bytes, and one `finish` that makes the video public once it is processed.

Meta's SDK field specifications and github.com/fbsamples/reels_publishing_apis, read 2026-11-22; how a plain video's
status is nested, and that a thumbnail may follow the post: assumed. The video's id exists before the post does, so its
status settles a lost answer.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Any, Literal

import anyio

from brokers.base import NOT_SEEN, PENDING, Attempt, Draft, Media, Receipt, Sighting, Steps
from brokers.errors import NotSent, PlatformError, Unclear
from brokers.facebook.accepts import ACCEPTS
from brokers.facebook.errors import video_error
from brokers.facebook.pages import GRAPH, Page, confirm, unless_seen
from brokers.facebook.posts import story_of
from brokers.files import FormFile, chunks
from brokers.meta_graph import id_of
from brokers.platform_http import PlatformHttp

MIB = 1024 * 1024
#: Bytes of one request.
PIECE = 4 * MIB
#: Seconds between looks at a video, and until a finished one counts as published though it is still being processed.
POLL, PROCESSING = 5, 1800
#: The engine's own limit must never end a wait that follows the post: it would send the post again.
NEVER = 30 * 86400
State = Literal["uploading", "processing", "published", "failed"]


async def publish_video(page: Page, draft: Draft, steps: Steps) -> Receipt:
    item = draft.media[0]
    session = await steps.upload("session", lambda: _open_session(page, item))
    await steps.upload("bytes", lambda: _transfer(page, session, item))
    finish = {
        "upload_phase": "finish", "upload_session_id": session["upload_session_id"],
        "description": ACCEPTS.compose(draft) or None,
    }  # fmt: skip
    return await _released(page, draft, steps, "videos", session["video_id"], finish)


async def publish_reel(page: Page, draft: Draft, steps: Steps) -> Receipt:
    video = await _push(page, "video_reels", draft.media[0], steps)
    finish = {
        "upload_phase": "finish", "video_id": video, "video_state": "PUBLISHED",
        "description": ACCEPTS.compose(draft) or None,
    }  # fmt: skip
    return await _released(page, draft, steps, "video_reels", video, finish)


async def publish_video_story(page: Page, draft: Draft, steps: Steps) -> Receipt:
    video = await _push(page, "video_stories", draft.media[0], steps)
    finish = {"upload_phase": "finish", "video_id": video}
    answer = await _finish(page, draft, steps, "video_stories", video, finish)
    notes = await _processed(page, video, steps)
    receipt = await _story(page, video)
    return Receipt(str(answer.get("post_id") or receipt.id), receipt.url, tuple(notes))


async def find_video(page: Page, draft: Draft, attempt: Attempt) -> Sighting:
    """Asks the video itself. Uploaded, but not being processed: `finish` never arrived."""
    session = attempt.journal.get("session") or {}
    if "video_id" not in session:
        return NOT_SEEN
    video = session["video_id"]
    state, error = _state((await page.read(video, "status")).get("status"))
    if state == "failed":
        return Sighting("refused", error=error)
    if state != "published":
        return PENDING if state == "processing" else NOT_SEEN
    if ACCEPTS.placement(draft) == "story":
        return Sighting("published", await _story(page, video))
    return Sighting("published", Receipt(video, await _link(page, draft, video)))


# -- upload ------------------------------------------------------------------------------------------------------


async def _open_session(page: Page, item: Media) -> dict[str, str]:
    file = await item.file()
    reply = await page.send("videos", {"upload_phase": "start", "file_size": str(file.size_bytes)})
    return {name: id_of(reply, name) for name in ("upload_session_id", "video_id")}


async def _transfer(page: Page, session: dict[str, str], item: Media) -> bool:
    """Sends pieces from where Facebook stands, which says after each one where the next begins."""
    file, at = await item.file(), await _transferred(page, session["video_id"])
    while at < file.size_bytes:
        form = {
            "upload_phase": "transfer", "upload_session_id": session["upload_session_id"], "start_offset": str(at)
        }  # fmt: skip
        piece = FormFile("video_file_chunk", "video", "application/octet-stream", file.path, at, PIECE)
        reply = await page.send("videos", form, piece)
        following = _offset(reply.body)
        if following <= at:
            raise Unclear("an upload that does not advance")
        at = following
    return True


def _offset(body: Any) -> int:
    try:
        return int(body["start_offset"])
    except (TypeError, KeyError, ValueError):
        raise Unclear("an upload answer without an offset") from None


async def _push(page: Page, edge: str, item: Media, steps: Steps) -> str:
    """The video's id, once rupload.facebook.com has all of its bytes."""
    session = await steps.upload("session", lambda: _start(page, edge))
    await steps.upload("bytes", lambda: _stream(page, session, item))
    return session["video_id"]


async def _start(page: Page, edge: str) -> dict[str, str]:
    reply = await page.send(edge, {"upload_phase": "start"})
    return {name: id_of(reply, name) for name in ("video_id", "upload_url")}


async def _stream(page: Page, session: dict[str, str], item: Media) -> bool:
    file, at = await item.file(), await _transferred(page, session["video_id"])
    if at < file.size_bytes:
        headers = {
            "authorization": f"OAuth {page.token}", "offset": str(at), "file_size": str(file.size_bytes),
            "content-type": "application/octet-stream", "content-length": str(file.size_bytes - at),
        }  # fmt: skip
        content = chunks(file.path, at)
        confirm(await page.api.request("POST", session["upload_url"], headers=headers, content=content, secret=True))
    return True


async def _transferred(page: Page, video: str) -> int:
    """Bytes that Facebook already has of an upload that broke off; 0 when it does not tell."""
    try:
        status = (await page.read(video, "status")).get("status") or {}
        return int((status.get("uploading_phase") or {}).get("bytes_transferred") or 0)
    except (PlatformError, ValueError, AttributeError):
        return 0


# -- the one request ---------------------------------------------------------------------------------------------


async def _finish(
    page: Page, draft: Draft, steps: Steps, edge: str, video: str, form: dict[str, Any]
) -> dict[str, Any]:  # fmt: skip
    async def send(fresh: PlatformHttp) -> dict[str, Any]:
        return confirm(await page.at(fresh).send(edge, form))

    async def look() -> Sighting:
        return await find_video(page, draft, Attempt({"session": {"video_id": video}}, datetime.now(UTC)))

    return await steps.publish("finish", lambda fresh: unless_seen(send(fresh), look))


async def _released(
    page: Page, draft: Draft, steps: Steps, edge: str, video: str, form: dict[str, Any]
) -> Receipt:  # fmt: skip
    await _finish(page, draft, steps, edge, video, form)
    notes = [*await _processed(page, video, steps), *await _thumbnail(page, video, draft.media[0])]
    return Receipt(video, await _link(page, draft, video), tuple(notes))


# -- afterwards --------------------------------------------------------------------------------------------------


async def _processed(page: Page, video: str, steps: Steps) -> tuple[str, ...]:
    """Waits until the video is out, and raises what it was refused for; a note when it takes too long."""
    state = await steps.wait("processed", _asking(page, video), every=page.api.every(POLL), limit=NEVER)
    return () if state == "published" else ("Facebook had accepted the video and was still processing it.",)


def _asking(page: Page, video: str) -> Callable[[], Awaitable[str | None]]:
    until = anyio.current_time() + PROCESSING

    async def ask() -> str | None:
        try:
            state, error = _state((await page.read(video, "status")).get("status"))
        except (NotSent, Unclear, PlatformError):
            state, error = "processing", None  # a look that fails says nothing about the video
        if error:
            raise error
        return state if state == "published" or anyio.current_time() >= until else None

    return ask


def _state(status: Any) -> tuple[State, PlatformError | None]:
    """Reads `status{video_status, uploading_phase, processing_phase, publishing_phase}`; phases may be missing."""
    status = status if isinstance(status, dict) else {}
    phases = [status.get(f"{name}_phase") or {} for name in ("uploading", "processing", "publishing")]
    whole, publishing = status.get("video_status"), phases[2].get("status")
    if whole in ("error", "expired", "upload_failed") or any(phase.get("status") == "error" for phase in phases):
        said: dict[str, Any] = next((error for phase in phases for error in phase.get("errors") or []), {})
        return "failed", video_error(said.get("code"), said.get("message") or whole)
    if publishing == "complete" or (publishing is None and whole == "ready"):
        return "published", None
    return ("uploading" if whole in ("uploading", "upload_complete") else "processing"), None


async def _thumbnail(page: Page, video: str, item: Media) -> tuple[str, ...]:
    """Gives the video the thumbnail that was asked for; a note when Facebook does not take it, for the post is out."""
    if item.thumbnail is None:
        return ()
    try:
        file = await item.thumbnail.file()
        picture = FormFile("source", "thumbnail", file.mime_type, file.path, 0, file.size_bytes)
        url = f"{GRAPH}/{video}/thumbnails"
        confirm(await page.api.request("POST", url, form={"is_preferred": "true"}, file=picture, token=page.token))
    except (NotSent, Unclear, PlatformError):
        return ("Facebook did not take the video's thumbnail and chose one itself.",)
    return ()


async def _link(page: Page, draft: Draft, video: str) -> str:
    reel = ACCEPTS.placement(draft) == "reel"
    return await page.link_of(video, f"reel/{video}/" if reel else f"{page.id}/videos/{video}/")


async def _story(page: Page, video: str) -> Receipt:
    """The story's own id and link; the video's where the Page's list of stories does not show it (yet)."""
    try:
        shown = await story_of(page, video)
    except (NotSent, Unclear, PlatformError):
        shown = None
    return shown or Receipt(video, page.link(video))
