"""X's media uploads on the simulator: announced, sent in segments, closed, processed, described."""

from __future__ import annotations

import base64
import binascii
import hashlib
from typing import Any

from starlette.datastructures import UploadFile
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from brokers.sandbox.twitter_caller import body_of, caller
from brokers.sandbox.twitter_problems import invalid, problem, refuse
from brokers.sandbox.world import SimRefusal, World

MB = 1024 * 1024
LIFE = 86400
#: Category -> the types it takes, the most bytes, the first part of a media key (assumed), whether it is processed.
CATEGORIES: dict[str, tuple[tuple[str, ...], int, str, bool]] = {
    "tweet_image": (("image/jpeg", "image/png", "image/webp", "image/bmp"), 5 * MB, "3", False),
    "tweet_gif": (("image/gif",), 15 * MB, "16", True),
    "tweet_video": (("video/mp4", "video/quicktime", "video/webm"), 16 * 1024 * MB, "7", True),
}
#: How a file of each type begins: (offset, bytes).
MAGIC: dict[str, tuple[int, bytes]] = {
    "image/jpeg": (0, b"\xff\xd8\xff"),
    "image/png": (0, b"\x89PNG"),
    "image/webp": (8, b"WEBP"),
    "image/bmp": (0, b"BM"),
    "image/gif": (0, b"GIF8"),
    "video/mp4": (4, b"ftyp"),
    "video/quicktime": (4, b"ftyp"),
    "video/webm": (0, b"\x1aE\xdf\xa3"),
}


async def initialize(world: World, request: Request) -> Response:
    who = caller(world, request, "media.write")
    asked = await body_of(request, {"media_type": str, "total_bytes": int, "media_category": str, "shared": bool})
    category = str(asked.get("media_category"))
    if category not in CATEGORIES:
        invalid("media_category", category, f"media_category must be one of {sorted(CATEGORIES)}")
    types, most, key, _ = CATEGORIES[category]
    if asked.get("media_type") not in types:
        invalid("media_type", asked.get("media_type"), f"{category} takes {types}")
    if not 0 < int(asked.get("total_bytes", 0)) <= most:
        invalid("total_bytes", asked.get("total_bytes"), f"{category} takes up to {most} bytes")
    media_id = world.new_id(19)
    world.objects[f"x-media-{media_id}"] = {
        "id": media_id, "key": f"{key}_{media_id}", "owner": who.id, "segments": {}, "altText": None, **asked,
    }  # fmt: skip
    return JSONResponse({"data": {"id": media_id, "media_key": f"{key}_{media_id}", "expires_after_secs": LIFE}})


def upload_of(world: World, request: Request, media_id: str | None) -> dict[str, Any]:
    who = caller(world, request, "media.write")
    upload = world.objects.get(f"x-media-{media_id}")
    if upload is None or upload["owner"] != who.id:
        refuse(404, "Not Found Error", f"Could not find media with id: [{media_id}].", "resource-not-found",
               resource_type="media", parameter="id", value=str(media_id))  # fmt: skip
    return upload


async def append(world: World, request: Request) -> Response:
    upload = upload_of(world, request, request.path_params["id"])
    index, data = await _segment(request)
    if "sha256" in upload:
        invalid("id", upload["id"], "The upload is already finalized.")
    if not index.isdigit() or int(index) > 999:
        invalid("segment_index", index, "segment_index must be 0 to 999")
    if len(data) > 8_000_000:
        raise SimRefusal(problem(413, "Payload Too Large", "Payload Too Large"))
    upload["segments"][int(index)] = data
    return JSONResponse({"data": {"expires_at": int(world.clock()) + LIFE}})


async def _segment(request: Request) -> tuple[str, bytes]:
    """`segment_index` and `media` of a multipart form, or of JSON with `media` in base64."""
    if request.headers.get("content-type", "").startswith("application/json"):
        asked = await body_of(request, {"media": str, "segment_index": int})
        try:
            return str(asked.get("segment_index")), base64.b64decode(str(asked.get("media")), validate=True)
        except binascii.Error:
            invalid("media", "...", "media must be base64")
    async with request.form() as form:
        media, index = form.get("media"), form.get("segment_index")
        if set(form) != {"media", "segment_index"} or not isinstance(media, UploadFile):
            invalid("media", sorted(form), "append takes media (a file) and segment_index")
        return str(index), await media.read()


async def finalize(world: World, request: Request) -> Response:
    upload = upload_of(world, request, request.path_params["id"])
    if await request.body():
        invalid("body", "...", "finalize takes no body")
    segments = upload["segments"]
    whole = [segments[index] for index in sorted(segments)]
    if sorted(segments) != list(range(len(segments))) or sum(map(len, whole)) != upload["total_bytes"]:
        invalid("id", upload["id"], "Segments do not add up to provided total file size.")
    at, magic = MAGIC[upload["media_type"]]
    fits = whole[0][at : at + len(magic)] == magic
    processed = CATEGORIES[upload["media_category"]][3]
    if not fits and not processed:
        invalid("media", upload["media_type"], "The media does not have the type that was announced.")
    digest = hashlib.sha256()
    for part in whole:
        digest.update(part)
    upload.update(
        sha256=digest.hexdigest(), parts=len(whole), segments={}, verdict="succeeded" if fits else "failed",
        ready_at=world.ready_at("twitter") if processed else 0,
    )  # fmt: skip
    done = {"id": upload["id"], "media_key": upload["key"], "size": upload["total_bytes"], "expires_after_secs": LIFE}
    if processed:
        done["processing_info"] = {"state": "pending", "check_after_secs": 1}
    return JSONResponse({"data": done})


def state(world: World, upload: dict[str, Any]) -> str:
    """unfinished, in_progress, succeeded or failed."""
    if "sha256" not in upload:
        return "unfinished"
    return "in_progress" if world.clock() < upload["ready_at"] else str(upload["verdict"])


async def status(world: World, request: Request) -> Response:
    asked = dict(request.query_params)
    upload = upload_of(world, request, asked.pop("media_id", None))
    if asked.pop("command", "STATUS") != "STATUS" or asked:
        invalid("command", asked, "command must be STATUS")
    now = state(world, upload)
    info: dict[str, Any] = {"state": now}
    if now == "in_progress":
        info |= {"check_after_secs": 1, "progress_percent": 50}
    if now == "failed":
        info["error"] = {"code": 1, "name": "InvalidMedia", "message": "Unsupported video format"}
    return JSONResponse({"data": {"id": upload["id"], "media_key": upload["key"], "processing_info": info}})


async def describe(world: World, request: Request) -> Response:
    asked = await body_of(request, {"id": str, "metadata": dict})
    upload = upload_of(world, request, asked.get("id"))
    alt_text = asked.get("metadata", {}).get("alt_text", {})
    if set(asked.get("metadata", {})) != {"alt_text"} or set(alt_text) != {"text"} or not is_text(alt_text["text"]):
        invalid("metadata", asked.get("metadata"), "metadata.alt_text.text must be a text of at most 1000 characters")
    upload["altText"] = alt_text["text"]
    return JSONResponse({"data": {"id": upload["id"], "associated_metadata": {"alt_text": alt_text}}})


def is_text(value: Any) -> bool:
    return isinstance(value, str) and len(value) <= 1000
