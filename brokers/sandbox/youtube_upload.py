"""YouTube's resumable uploads on the simulator: sessions, chunks of 256 KiB, the video that the last byte makes."""

from __future__ import annotations

import hashlib
import json
import re
from datetime import datetime
from typing import Any

from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response

from brokers.sandbox.app import host_of, url_of
from brokers.sandbox.world import World
from brokers.sandbox.youtube_answers import UPLOAD, caller, only, parts, refuse, refuse_upload

UNIT = 256 * 1024
PARTS = {
    "snippet", "status", "contentDetails", "fileDetails", "id", "liveStreamingDetails", "localizations", "player",
    "processingDetails", "recordingDetails", "statistics", "suggestions", "topicDetails", "paidProductPlacementDetails",
}  # fmt: skip
PARAMETERS = {
    "part", "autoLevels", "notifySubscribers", "stabilize", "onBehalfOfContentOwner", "onBehalfOfContentOwnerChannel",
}  # fmt: skip
#: What may be written of a video: field -> type.
FIELDS: dict[str, dict[str, type]] = {
    "snippet": {"title": str, "description": str, "tags": list, "categoryId": str, "defaultLanguage": str,
                "defaultAudioLanguage": str},
    "status": {"privacyStatus": str, "publishAt": str, "license": str, "embeddable": bool, "publicStatsViewable": bool,
               "selfDeclaredMadeForKids": bool, "containsSyntheticMedia": bool},
}  # fmt: skip
CATEGORIES = {"1", "2", "10", "15", "17", "19", "20", "22", "23", "24", "25", "26", "27", "28", "29"}
_RANGE = re.compile(r"bytes (?:(\d+)-(\d+)|\*)/(\d+|\*)")


async def begin(world: World, request: Request) -> Response:
    who = caller(world, request, UPLOAD)
    given = only(request, PARAMETERS, ("part", "uploadType"))
    asked = parts(given, PARTS)
    if given["uploadType"] != "resumable":
        refuse("badRequest", "Only resumable uploads are played here.")
    if given.get("notifySubscribers", "true") not in ("true", "false"):
        refuse("badRequest", "Invalid value for notifySubscribers")
    kind, size = request.headers.get("x-upload-content-type", ""), request.headers.get("x-upload-content-length")
    if not kind.startswith("video/") and kind != "application/octet-stream":
        refuse(
            "badRequest",
            f"Media type '{kind}' is not supported. Valid media types: [video/*, application/octet-stream]",
        )
    if size is not None and not (size.isdigit() and int(size) <= 274_877_906_944):
        refuse("badRequest", "Invalid upload size")
    session = f"AHmUCY{world.new_id()}"
    world.objects[session] = {
        "platform": "youtube", "owner": who.id, "given": await _body(world, request, asked), "kind": kind,
        "notify": given.get("notifySubscribers", "true") == "true", "size": int(size) if size else None,
        "stored": 0, "hash": hashlib.sha256(), "head": b"", "video": None,
    }  # fmt: skip
    path = f"https://{host_of(request)}/upload/youtube/v3/videos?uploadType=resumable&upload_id={session}"
    return Response(status_code=200, headers={"location": url_of(request, path)})


async def _body(world: World, request: Request, asked: list[str]) -> dict[str, Any]:
    if not request.headers.get("content-type", "").startswith("application/json"):
        refuse("badRequest", "The metadata must be application/json.")
    try:
        given = json.loads(await request.body() or b"{}")
    except ValueError:
        refuse("badRequest", "Parse Error")
    if unwritten := set(given) - set(asked):
        refuse("unexpectedPart", f"The part parameter does not name {min(unwritten)}")
    for part, fields in given.items():
        for name, value in fields.items():
            if type(value) is not FIELDS.get(part, {}).get(name):
                refuse("badRequest", f"Invalid JSON: {part}.{name} is unknown or has the wrong type")
    _check_snippet(given.get("snippet", {}))
    _check_status(world, given.get("status", {}))
    return dict(given)


def _check_snippet(snippet: dict[str, Any]) -> None:
    title, description, tags = (snippet.get(name, empty) for name, empty in (("title", ""), ("description", ""), ("tags", [])))
    if not 1 <= len(title.strip()) <= 100 or set(title) & set("<>"):
        refuse("invalidTitle", "The request metadata specifies an invalid or empty video title.")
    if len(description.encode()) > 5000 or set(description) & set("<>"):
        refuse("invalidDescription", "The request metadata specifies an invalid video description.")
    weight = sum(len(tag) + (2 if " " in tag else 0) for tag in tags) + max(0, len(tags) - 1)
    if weight > 500 or any(not tag.strip() or set(tag) & set("<>") for tag in tags):
        refuse("invalidTags", "The request metadata specifies invalid video keywords.")
    if snippet.get("categoryId", "22") not in CATEGORIES:
        refuse("invalidCategoryId", "The snippet.categoryId property specifies an invalid category ID.")


def _check_status(world: World, status: dict[str, Any]) -> None:
    if status.get("privacyStatus", "public") not in ("public", "unlisted", "private"):
        refuse("badRequest", "Invalid value for status.privacyStatus")
    if "publishAt" not in status:
        return
    try:
        at = datetime.fromisoformat(status["publishAt"])
    except ValueError:
        refuse("invalidPublishAt")
    if at.tzinfo is None or at.timestamp() <= world.clock() or status.get("privacyStatus") != "private":
        refuse("invalidPublishAt", "The request metadata specifies an invalid scheduled publishing time.")


def step_of(request: Request) -> str:
    """Only the last chunk can make a video; a question about the session changes nothing."""
    found = _RANGE.fullmatch(request.headers.get("content-range", ""))
    if found and found[1] is None:
        return "read"
    return "upload" if found and found[3] != "*" and int(found[2]) + 1 < int(found[3]) else "publish"


async def put(world: World, request: Request) -> Response:
    if "authorization" in request.headers:
        caller(world, request, UPLOAD)
    session = world.objects.get(request.query_params.get("upload_id", ""), {})
    if session.get("platform") != "youtube":
        return _finished_before(world, request)
    found = _RANGE.fullmatch(request.headers.get("content-range", ""))
    if found is None or found[3] == "*":
        refuse_upload(400, "Failed to parse Content-Range header.")
    total = int(found[3])
    if session["size"] not in (None, total):
        refuse_upload(400, "Invalid request. The size differs from X-Upload-Content-Length.")
    session["size"] = total
    if session["video"] is None and found[1] is not None:
        _check_chunk(request, session, int(found[1]), int(found[2]) + 1)
        await _store(request, session)
    if session["video"] is None and session["stored"] == total:
        session["video"] = await finish(world, session, request.query_params["upload_id"])
    if session["video"]:
        return JSONResponse(session["video"])
    has = session["stored"]
    return Response(status_code=308, headers={"range": f"bytes=0-{has - 1}"} if has else {})


def _check_chunk(request: Request, session: dict[str, Any], start: int, stop: int) -> None:
    total = session["size"]
    if start != session["stored"] or not start < stop <= total:
        refuse_upload(400, f"Invalid request. There were {session['stored']} byte(s) before this chunk.")
    if request.headers.get("content-length") != str(stop - start):
        refuse_upload(400, "Invalid request. Content-Length differs from Content-Range.")
    if stop != total and (stop - start) % UNIT:
        refuse_upload(400, "Invalid request. Every chunk but the last must be a multiple of 256 KiB.")


async def _store(request: Request, session: dict[str, Any]) -> None:
    """Keeps what arrives in units of 256 KiB, so that a broken request leaves a part of its chunk."""
    buffer = bytearray()
    try:
        async for piece in request.stream():
            buffer += piece
            while len(buffer) >= UNIT:
                _keep(session, bytes(buffer[:UNIT]))
                del buffer[:UNIT]
    except ClientDisconnect:
        return
    _keep(session, bytes(buffer))


def _keep(session: dict[str, Any], piece: bytes) -> None:
    session["hash"].update(piece)
    session["head"] = session["head"] or piece[:64]
    session["stored"] += len(piece)


async def finish(world: World, session: dict[str, Any], upload_id: str) -> dict[str, Any]:
    """Makes the video. It is public (in the ledger) unless YouTube will fail or reject it."""
    who = world.identities["youtube", session["owner"]]
    given, video_id = session["given"], f"yt{world.new_id()}"[-11:]
    status = {"privacyStatus": "public", **given.get("status", {})}
    if who.extra.get("unaudited"):
        status |= {"privacyStatus": "private"}
    snippet = {"categoryId": "22", "description": "", **given.get("snippet", {})}
    verdict = who.extra.get("verdict") or ("processed" if _is_film(session["head"]) else "failed/invalidFile")
    file = {
        "sha256": session["hash"].hexdigest(),
        "size": session["size"],
        "mimeType": session["kind"],
        "altText": None,
    }
    world.objects[f"video:{video_id}"] = {
        "snippet": snippet, "status": status, "owner": who.id, "verdict": verdict, "thumbnail": None,
        "ready_at": world.ready_at("youtube"),
    }  # fmt: skip
    if verdict == "processed":
        link = f"https://www.youtube.com/watch?v={video_id}"
        await world.publish(
            "youtube", who.id, snippet["title"], post_id=video_id, media=[file], url=link, session=upload_id,
            snippet=snippet, status=status, notifySubscribers=session["notify"],
        )  # fmt: skip
    return {
        "kind": "youtube#video",
        "id": video_id,
        "snippet": snippet,
        "status": {"uploadStatus": "uploaded", **status},
    }


def _finished_before(world: World, request: Request) -> Response:
    """A session of an earlier life of this simulator: only what it published is still known."""
    asked = request.query_params.get("upload_id", "")
    posts = (p for p in world.ledger.posts if p.platform == "youtube" and p.extra.get("session") == asked)
    post = next(posts, None)
    if post is None:
        refuse_upload(404, "Not Found")
    status = {"uploadStatus": "uploaded", **post.extra["status"]}
    return JSONResponse({"kind": "youtube#video", "id": post.id, "snippet": post.extra["snippet"], "status": status})


def _is_film(head: bytes) -> bool:
    return head[4:8] in (b"ftyp", b"moov") or head.startswith((b"\x1aE\xdf\xa3", b"RIFF", b"FLV", b"\x00\x00\x01"))
