"""Posting to TikTok on the simulator: what the creator allows, uploads in chunks, photos by URL, a post's status."""

from __future__ import annotations

import hashlib
import re
from typing import Any

from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response

from brokers.sandbox.app import url_of
from brokers.sandbox.tiktok_answers import answer, caller, check, json_of, ok, refuse
from brokers.sandbox.world import Identity, SimRefusal, World
from brokers.text import utf16_units

MIB, HOUR = 1024 * 1024, 3600
LEVELS = ["PUBLIC_TO_EVERYONE", "MUTUAL_FOLLOW_FRIENDS", "SELF_ONLY"]
BOTH: dict[str, type] = {
    "title": str, "privacy_level": str, "disable_comment": bool, "brand_content_toggle": bool,
    "brand_organic_toggle": bool, "is_aigc": bool,
}  # fmt: skip
VIDEO = BOTH | {"disable_duet": bool, "disable_stitch": bool, "video_cover_timestamp_ms": int}
PHOTO = BOTH | {"description": str, "auto_add_music": bool}
VIDEO_SOURCE: dict[str, type] = {"source": str, "video_size": int, "chunk_size": int, "total_chunk_count": int}
PHOTO_SOURCE: dict[str, type] = {"source": str, "photo_images": list, "photo_cover_index": int}
KINDS = ("video/mp4", "video/quicktime", "video/webm")
_RANGE = re.compile(r"bytes (\d+)-(\d+)/(\d+)")


async def creator_info(world: World, request: Request) -> Response:
    who = caller(world, request, "video.publish")
    check(await json_of(request), {})
    return ok(
        {
            "creator_username": who.username, "creator_nickname": who.name, "privacy_level_options": _levels(who),
            "creator_avatar_url": f"https://p16.tiktokcdn.com/{who.id}.jpeg",
            **{f"{name}_disabled": name in who.extra.get("disabled", ()) for name in ("comment", "duet", "stitch")},
            "max_video_post_duration_sec": who.extra.get("max_seconds", 600),
        }
    )  # fmt: skip


def _levels(who: Identity) -> list[str]:
    return ["SELF_ONLY"] if who.extra.get("unaudited") else list(who.extra.get("levels", LEVELS))


def _check_info(who: Identity, given: Any, fields: dict[str, type], lengths: dict[str, int]) -> dict[str, Any]:
    info = check(given, fields, ("privacy_level",))
    for name, most in lengths.items():
        if utf16_units(info.get(name, "")) > most:
            refuse("invalid_params", f"The {name} is longer than {most} UTF-16 runes.")
    if info["privacy_level"] not in _levels(who):
        if who.extra.get("unaudited"):
            refuse("unaudited_client_can_only_post_to_private_accounts")
        refuse("privacy_level_option_mismatch")
    if info.get("brand_content_toggle") and info["privacy_level"] == "SELF_ONLY":
        refuse("invalid_params", "Branded content cannot be private.")
    return info


async def video_init(world: World, request: Request) -> Response:
    who = caller(world, request, "video.publish")
    given = check(await json_of(request), {"post_info": dict, "source_info": dict}, ("post_info", "source_info"))
    info = _check_info(who, given["post_info"], VIDEO, {"title": 2200})
    source = check(given["source_info"], VIDEO_SOURCE, tuple(VIDEO_SOURCE))
    if source["source"] != "FILE_UPLOAD":
        refuse("invalid_params", "Only FILE_UPLOAD is played here.")
    _check_plan(source["video_size"], source["chunk_size"], source["total_chunk_count"])
    publish_id, upload_id = f"v_pub_file~v2-1.{world.new_id(19)}", world.new_id()
    world.objects[publish_id] = world.objects[f"upload:{upload_id}"] = {
        "platform": "tiktok", "id": publish_id, "owner": who.id, "info": info, "size": source["video_size"],
        "chunk": source["chunk_size"], "count": source["total_chunk_count"], "stored": 0, "hash": hashlib.sha256(),
        "head": b"", "until": world.clock() + HOUR, "ready_at": None, "verdict": None, "post_id": None,
    }  # fmt: skip
    address = f"https://open-upload.tiktokapis.com/video/?upload_id={upload_id}&upload_token={_token(upload_id)}"
    return ok({"publish_id": publish_id, "upload_url": url_of(request, address)})


def _token(upload_id: str) -> str:
    return hashlib.sha256(upload_id.encode()).hexdigest()[:32]


def _check_plan(size: int, chunk: int, count: int) -> None:
    whole = chunk == size and count == 1 and 0 < size <= 64 * MIB
    # Which MB TikTok means is not said, so only sizes that are right in both are.
    several = 5 * MIB <= chunk <= 64_000_000 and count == size // chunk and 1 <= count <= 1000
    if not 0 < size <= 4 * 1024 * MIB or not (whole or several):
        refuse("invalid_params", "The chunk size is invalid or the total chunk count is incorrect.")


def step_of(request: Request) -> str:
    """Only the last chunk makes a post."""
    found = _RANGE.fullmatch(request.headers.get("content-range", ""))
    return "upload" if found and int(found[2]) + 1 < int(found[3]) else "publish"


async def put(world: World, request: Request) -> Response:
    asked = request.query_params
    upload = world.objects.get(f"upload:{asked.get('upload_id')}")
    found = _RANGE.fullmatch(request.headers.get("content-range", ""))
    if upload is None or asked.get("upload_token") != _token(asked["upload_id"]) or world.clock() > upload["until"]:
        return Response(status_code=403)
    if found is None or request.headers.get("content-type") not in KINDS:
        return Response(status_code=400)
    start, stop, size = int(found[1]), int(found[2]) + 1, int(found[3])
    number = start // upload["chunk"]
    end = size if number == upload["count"] - 1 else (number + 1) * upload["chunk"]
    if (size, start, stop) != (upload["size"], upload["stored"], end) or start % upload["chunk"]:
        return Response(status_code=416, headers={"content-range": f"bytes 0-{upload['stored'] - 1}/{upload['size']}"})
    if request.headers.get("content-length") != str(stop - start) or not await _store(request, upload, stop):
        return Response(status_code=400)
    if stop < size:
        return Response(status_code=206, headers={"content-range": f"bytes 0-{stop - 1}/{size}"})
    kind = str(request.headers["content-type"])
    is_film = upload["head"][4:8] == b"ftyp" or upload["head"].startswith(b"\x1aE\xdf\xa3")
    file = {"sha256": upload["hash"].hexdigest(), "size": size, "mimeType": kind, "altText": None}
    await _post(world, upload, upload["info"].get("title", ""), [file], None if is_film else "file_format_check_failed")
    return Response(status_code=201)


async def _store(request: Request, upload: dict[str, Any], stop: int) -> bool:
    """A chunk counts when it is there in full."""
    digest, has, head = upload["hash"].copy(), upload["stored"], upload["head"]
    try:
        async for piece in request.stream():
            digest.update(piece)
            head, has = head or piece[:64], has + len(piece)
    except ClientDisconnect:
        return False
    if has == stop:
        upload |= {"hash": digest, "stored": has, "head": head}
    return bool(has == stop)


async def content_init(world: World, request: Request) -> Response:
    who = caller(world, request, "video.publish")
    fields: dict[str, type] = {"media_type": str, "post_mode": str, "post_info": dict, "source_info": dict}
    given = check(await json_of(request), fields, tuple(fields))
    info = _check_info(who, given["post_info"], PHOTO, {"title": 90, "description": 4000})
    source = check(given["source_info"], PHOTO_SOURCE, ("source", "photo_images"))
    images, cover = source["photo_images"], source.get("photo_cover_index", 0)
    if (given["media_type"], given["post_mode"], source["source"]) != ("PHOTO", "DIRECT_POST", "PULL_FROM_URL"):
        refuse("invalid_params", "Only PHOTO by DIRECT_POST and PULL_FROM_URL is played here.")
    if not 1 <= len(images) <= 35 or not 0 <= cover < len(images) or not all(isinstance(url, str) for url in images):
        refuse("invalid_params", "The photo images are invalid.")
    fetched = [await world.fetch(url) for url in images]
    post: dict[str, Any] = {
        "platform": "tiktok", "id": f"p_pub_url~v2.{world.new_id(19)}", "owner": who.id, "info": info, "size": 0,
        "stored": 0, "ready_at": None, "verdict": None, "post_id": None,
    }  # fmt: skip
    world.objects[post["id"]] = post
    files = [{name: (one or {}).get(name) for name in ("sha256", "size", "mimeType")} | {"altText": None} for one in fetched]
    await _post(world, post, info.get("description", ""), files, _photo_fault(fetched))
    return ok({"publish_id": post["id"]})


def _photo_fault(fetched: list[dict[str, Any] | None]) -> str | None:
    if None in fetched:
        return "photo_pull_failed"
    heads = [bytes.fromhex(one["head"]) for one in fetched if one]
    known = all(head.startswith(b"\xff\xd8\xff") or head[8:12] == b"WEBP" for head in heads)
    return None if known else "file_format_check_failed"


async def _post(world: World, upload: dict[str, Any], text: str, files: list[dict[str, Any]], fault: str | None) -> None:
    """Makes the post, public in the ledger from now on, unless TikTok will fail it."""
    who = world.identities["tiktok", upload["owner"]]
    upload |= {"ready_at": world.ready_at("tiktok"), "verdict": who.extra.get("fail_reason") or fault}
    if upload["verdict"] is None:
        upload["post_id"] = post_id = world.new_id(19)
        kind = "video" if upload["size"] else "photo"
        await world.publish(
            "tiktok", who.id, text, post_id=post_id, media=files, publish_id=upload["id"],
            url=f"https://www.tiktok.com/@{who.username}/{kind}/{post_id}",
            **{name: value for name, value in upload["info"].items() if name not in ("title", "description")},
        )  # fmt: skip


async def status(world: World, request: Request) -> Response:
    who = caller(world, request, "video.publish")
    given = check(await json_of(request), {"publish_id": str}, ("publish_id",))
    upload = world.objects.get(given["publish_id"]) or _from_ledger(world, given["publish_id"])
    if upload is None or upload.get("platform") != "tiktok":
        raise SimRefusal(answer("invalid_publish_id", "The publish_id does not exist."))
    if upload["owner"] != who.id:
        refuse("token_not_authorized_for_specified_publish_id")
    told = {"uploaded_bytes": upload["stored"]} if upload["size"] else {}
    if upload["ready_at"] is None or world.clock() < upload["ready_at"]:
        return ok({"status": "PROCESSING_UPLOAD" if upload["size"] else "PROCESSING_DOWNLOAD", **told})
    if upload["verdict"]:
        return ok({"status": "FAILED", "fail_reason": upload["verdict"], **told})
    is_public = upload["info"]["privacy_level"] == "PUBLIC_TO_EVERYONE"
    ids = {"publicaly_available_post_id": [int(upload["post_id"])]} if is_public else {}
    return ok({"status": "PUBLISH_COMPLETE", **ids, **told})


def _from_ledger(world: World, publish_id: str) -> dict[str, Any] | None:
    """A post of an earlier life of this simulator."""
    posts = (p for p in world.ledger.posts if p.platform == "tiktok" and p.extra.get("publish_id") == publish_id)
    post = next(posts, None)
    if post is None:
        return None
    return {
        "platform": "tiktok", "owner": post.account_id, "info": post.extra, "size": 0, "stored": 0, "ready_at": 0,
        "verdict": None, "post_id": post.id,
    }  # fmt: skip
