"""Videos on the simulator: uploads in chunks to /videos, uploads to rupload for reels and stories, and their status."""

from __future__ import annotations

import hashlib
from typing import Any

from starlette.datastructures import UploadFile
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from brokers.sandbox.app import url_of
from brokers.sandbox.facebook_posts import SCOPES, flag, hashed, page_of, publish, select_nested
from brokers.sandbox.graph import bearer, graph_error, not_found, only, parameters, refuse, stamp
from brokers.sandbox.world import Handler, World

#: The largest chunk that /videos asks for, in bytes.
CHUNK = 4 * 1024 * 1024
#: The parameters of each phase.
VIDEO = {
    None: {"source", "file_url", "description", "title", "published"},
    "start": {"upload_phase", "file_size"},
    "transfer": {"upload_phase", "upload_session_id", "start_offset", "video_file_chunk"},
    "finish": {"upload_phase", "upload_session_id", "description", "title", "published"},
    "cancel": {"upload_phase", "upload_session_id"},
}
PHASED = {
    "start": {"upload_phase"},
    "finish": {"upload_phase", "video_id", "video_state", "description", "title"},
}
PATHS = {"videos": "{page}/videos/{id}/", "video_reels": "reel/{id}/", "video_stories": "stories/{page}/{post}/"}
MP4 = b"ftyp"


async def step(request: Request) -> str:
    """Whatever is neither start, transfer nor cancel makes a video public."""
    phase = (await parameters(request)).get("upload_phase", "")
    return "upload" if phase in ("start", "transfer", "cancel") else "publish"


def new_video(world: World, who: str, kind: str, size: int | None) -> dict[str, Any]:
    """A video that nobody has sent yet. `size` is in bytes, None while it is not known."""
    video: dict[str, Any] = {
        "platform": "facebook", "id": world.new_id(), "owner": who, "kind": kind, "size": size, "received": 0,
        "digest": hashlib.sha256(), "head": b"", "finished": False, "ready_at": 0.0, "published_at": None,
        "thumbnail": None,
    }  # fmt: skip
    video["view"] = lambda fields: select_nested(_view(world, video), fields)
    world.objects[video["id"]] = video
    return video


def take(video: dict[str, Any], chunk: bytes) -> None:
    video["head"] = (video["head"] + chunk[:64])[:64]
    video["digest"].update(chunk)
    video["received"] += len(chunk)


async def video(world: World, request: Request) -> Response:
    who, given = await page_of(world, request), await parameters(request)
    phase = given.get("upload_phase")
    if phase not in VIDEO:
        refuse(100, "(#100) Param upload_phase must be one of {CANCEL, FINISH, START, TRANSFER}")
    only(given, VIDEO[phase])
    if phase is None:
        return await _at_once(world, request, who, given)
    if phase == "start":
        return _start_session(world, who, given)
    session = world.objects.get(given.get("upload_session_id", ""), {})
    if session.get("session_of") != who or session["video"]["finished"]:
        refuse(100, "Invalid parameter", subcode=1363026, shown="The upload session does not exist.")
    if phase == "transfer":
        return await _transfer(request, session["video"], given)
    if phase == "finish":
        await _finish(world, session["video"], given)
    return JSONResponse({"success": True})


def _start_session(world: World, who: str, given: dict[str, str]) -> Response:
    if not given.get("file_size", "").isdigit() or int(given["file_size"]) < 1:
        refuse(100, "(#100) Param file_size must be a positive integer")
    made, session = new_video(world, who, "videos", int(given["file_size"])), world.new_id()
    world.objects[session] = {"platform": "facebook", "session_of": who, "video": made}
    return JSONResponse({"upload_session_id": session, "video_id": made["id"], **_offsets(made)})


def _offsets(video: dict[str, Any]) -> dict[str, str]:
    start = video["received"]
    return {"start_offset": str(start), "end_offset": str(min(start + CHUNK, video["size"]))}


async def _transfer(request: Request, video: dict[str, Any], given: dict[str, str]) -> Response:
    chunk = (await request.form()).get("video_file_chunk")
    if not isinstance(chunk, UploadFile):
        refuse(100, "(#100) Param video_file_chunk must be a file")
    room = video["size"] - video["received"]
    if given.get("start_offset") != str(video["received"]) or not chunk.size or chunk.size > min(room, CHUNK):
        return _wrong_offset(video)
    take(video, await chunk.read())
    return JSONResponse(_offsets(video))


def _wrong_offset(video: dict[str, Any]) -> Response:
    body: Any = {
        "error": {
            "message": "The upload's offset is wrong", "type": "OAuthException", "code": 6001, "error_subcode": 1363037,
            "error_data": _offsets(video), "is_transient": False,
        }
    }  # fmt: skip
    return JSONResponse(body, 400)


async def _at_once(world: World, request: Request, who: str, given: dict[str, str]) -> Response:
    source = (await request.form()).get("source")
    if isinstance(source, UploadFile):
        found: dict[str, Any] | None = await hashed(source)
    else:
        found = await world.fetch(given["file_url"]) if given.get("file_url") else None
    if found is None:
        refuse(389, "Unable to fetch video file from URL.")
    made = new_video(world, who, "videos", found["size"])
    made |= {"received": found["size"], "head": bytes.fromhex(found["head"]), "sha256": found["sha256"]}
    await _finish(world, made, given)
    return JSONResponse({"id": made["id"]})


def phased(kind: str) -> Handler:
    """The edge of reels or video stories: `start` names where the bytes go, `finish` publishes."""

    async def handler(world: World, request: Request) -> Response:
        who, given = await page_of(world, request), await parameters(request)
        phase = given.get("upload_phase", "")
        if phase not in PHASED:
            refuse(100, "(#100) Param upload_phase must be one of {FINISH, START}")
        only(given, PHASED[phase])
        if phase == "start":
            made = new_video(world, who, kind, None)
            upload_url = url_of(request, f"https://rupload.facebook.com/video-upload/v26.0/{made['id']}")
            return JSONResponse({"video_id": made["id"], "upload_url": upload_url})
        found = world.objects.get(given.get("video_id", ""), {})
        if found.get("kind") != kind or found["owner"] != who or found["finished"]:
            refuse(100, "(#100) Param video_id must be a video that was started here and is not finished")
        if kind == "video_reels" and given.get("video_state") != "PUBLISHED":
            refuse(100, "(#100) Param video_state must be PUBLISHED")
        return JSONResponse({"success": True, **await _finish(world, found, given)})

    return handler


async def receive(world: World, request: Request) -> Response:
    """rupload.facebook.com: the bytes from `offset` on, streamed, or a `file_url` to fetch."""
    if not request.headers.get("authorization", "").startswith("OAuth "):
        refuse(190, "rupload takes the token as Authorization: OAuth", status=401)
    token = await bearer(world, "facebook", request, SCOPES)
    video = world.objects.get(request.path_params["video"], {})
    if video.get("kind") not in ("video_reels", "video_stories") or video["owner"] != token.identity:
        not_found(request.path_params["video"])
    if file_url := request.headers.get("file_url"):
        return await _fetch_into(world, video, file_url)
    offset, size = request.headers.get("offset", ""), request.headers.get("file_size", "")
    if not offset.isdigit() or not size.isdigit() or video["size"] not in (None, int(size)):
        return _rupload_error("OffsetInvalidError", "Headers offset and file_size are required")
    if int(offset) != video["received"] or video["finished"]:
        return _rupload_error("OffsetInvalidError", f"Expected offset {video['received']}")
    video["size"] = int(size)
    async for chunk in request.stream():
        take(video, chunk)
    if video["received"] > video["size"]:
        return _rupload_error("PartialRequestError", "More bytes than file_size")
    return JSONResponse({"success": True})


async def _fetch_into(world: World, video: dict[str, Any], file_url: str) -> Response:
    found = None if "fbcdn" in file_url else await world.fetch(file_url)
    if found is None:
        return graph_error(389, "Unable to fetch video file from URL.")
    video |= {"size": found["size"], "received": found["size"], "head": bytes.fromhex(found["head"])}
    video["sha256"] = found["sha256"]
    return JSONResponse({"success": True})


def _rupload_error(kind: str, message: str) -> Response:
    return JSONResponse({"debug_info": {"retriable": False, "type": kind, "message": message}}, 400)


async def _finish(world: World, video: dict[str, Any], given: dict[str, str]) -> dict[str, str]:
    """Accepts the video, and publishes it unless it turns out to be none. Answers a story's post id."""
    if video["size"] is None or video["received"] != video["size"]:
        refuse(6000, "There was a problem uploading your video file. It is not complete.")
    if not flag(given, "published", True):
        refuse(100, "(#100) An unpublished video needs unpublished_content_type")
    video |= {"finished": True, "ready_at": world.ready_at("facebook")}
    who, kind, story = video["owner"], video["kind"], video["kind"] == "video_stories"
    post_id = world.new_id() if story else f"{who}_{world.new_id()}"
    video["path"] = PATHS[kind].format(page=who, id=video["id"], post=post_id)
    if _is_video(video):
        media = {
            "sha256": video.get("sha256") or video["digest"].hexdigest(), "size": video["size"],
            "mimeType": "video/mp4", "altText": None,
        }  # fmt: skip
        told = {"title": given.get("title"), "placement": {"video_reels": "reel", "video_stories": "story"}.get(kind)}
        known = {"media_id": video["id"]} if story else {"feed_id": post_id}
        ledger_id = post_id if story else video["id"]
        await publish(
            world, who, given.get("description", ""), ledger_id, [media], path=video["path"], **told, **known
        )  # fmt: skip
        video["published_at"] = world.clock()
    return {"post_id": post_id} if story else {}


def _is_video(video: dict[str, Any]) -> bool:
    return bool(video["head"][4:8] == MP4)


def _view(world: World, video: dict[str, Any]) -> dict[str, Any]:
    shown = video["published_at"] is not None and world.clock() >= video["ready_at"]
    return {
        "id": video["id"], "status": _status(world, video), "published": shown,
        "permalink_url": f"/{video['path']}" if shown else None,
    }  # fmt: skip


def _status(world: World, video: dict[str, Any]) -> dict[str, Any]:
    """As Meta's field specifications of VideoStatus and its phases have it."""
    complete = video["size"] is not None and video["received"] == video["size"]
    uploading = {
        "status": "complete" if complete else "in_progress", "bytes_transferred": video["received"],
        "source_file_size": video["size"],
    }  # fmt: skip
    processing: dict[str, Any] = {"status": "not_started"}
    publishing: dict[str, Any] = {"status": "not_started"}
    whole = "upload_complete" if complete else "uploading"
    if video["finished"] and world.clock() < video["ready_at"]:
        whole, processing = "processing", {"status": "in_progress"}
    elif video["finished"] and not _is_video(video):
        error = {"code": 1363024, "message": "Unsupported Video Format"}
        whole, processing = "error", {"status": "error", "errors": [error]}
    elif video["finished"]:
        at = stamp(video["published_at"])
        whole, processing = "ready", {"status": "complete"}
        publishing = {"status": "complete", "publish_status": "published", "publish_time": at}
    return {
        "video_status": whole, "uploading_phase": uploading, "processing_phase": processing,
        "publishing_phase": publishing,
    }  # fmt: skip


async def thumbnail(world: World, request: Request) -> Response:
    token, given = await bearer(world, "facebook", request, SCOPES), await parameters(request)
    only(given, ("source", "is_preferred"))
    video = world.objects.get(request.path_params["video"], {})
    source = (await request.form()).get("source")
    if "digest" not in video or video["owner"] != token.identity:
        not_found(request.path_params["video"])
    if not isinstance(source, UploadFile):
        refuse(100, "(#100) Param source must be a file")
    video["thumbnail"] = (await hashed(source))["sha256"]
    return JSONResponse({"success": True})
