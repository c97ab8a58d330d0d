"""What Pages post on the simulator: feed posts, photos and photo stories, and the lists that show them."""

from __future__ import annotations

import hashlib
import json
import re
from typing import Any

from starlette.datastructures import UploadFile
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from brokers.sandbox.graph import bearer, not_found, only, parameters, refuse, stamp
from brokers.sandbox.ledger import Published
from brokers.sandbox.world import Handler, World

FEED = ("message", "link", "published", "attached_media")
PHOTO = ("url", "source", "caption", "message", "alt_text_custom", "published", "temporary")
LIST = ("fields", "limit", "since", "until", "after", "summary")
SCOPES = ("pages_read_engagement", "pages_manage_posts")
#: How JPEG, PNG and GIF files begin, in hex digits.
PICTURES = {"ffd8ff": "image/jpeg", "89504e47": "image/png", "47494638": "image/gif"}
LONGEST = 63_206


async def page_of(world: World, request: Request, scopes: tuple[str, ...] = SCOPES) -> str:
    """Which Page is speaking, by its own token; a person's token may not post as a Page."""
    token = await bearer(world, "facebook", request, scopes)
    if request.path_params["page"] not in ("me", token.identity):
        not_found(request.path_params["page"])
    if "life" in token.extra:
        refuse(200, "(#200) Posts to a Page must be made with the Page's own access token", status=403)
    return token.identity


def flag(given: dict[str, str], name: str, otherwise: bool) -> bool:
    value = given.get(name, str(otherwise)).lower()
    if value not in ("true", "false", "1", "0"):
        refuse(100, f"(#100) Param {name} must be a boolean")
    return value in ("true", "1")


async def create(world: World, request: Request) -> Response:
    who, given = await page_of(world, request), await parameters(request)
    only(given, FEED)
    message, link, listed = given.get("message", ""), given.get("link"), given.get("attached_media")
    if not flag(given, "published", True):
        refuse(100, "(#100) An unpublished post needs unpublished_content_type")
    if not message and not link and not listed:
        refuse(100, "(#100) One of message, link or attached_media is required")
    if link and listed:
        refuse(100, "(#100) link does not go with attached_media")
    _check_text(message)
    if link and not re.match(r"https?://[^/\s]+\S*$", link):
        refuse(100, "Invalid parameter", subcode=1500010, shown="The URL is not valid.")
    photos = _attached(world, who, listed) if listed else []
    _refuse_repeated(world, who, message, link, photos)
    post_id = await publish(
        world, who, message, f"{who}_{world.new_id()}", [photo["media"] for photo in photos], link=link,
        photos=[photo["id"] for photo in photos],
    )  # fmt: skip
    for photo in photos:
        photo["post"] = post_id
    return JSONResponse({"id": post_id})


def _check_text(text: str) -> None:
    if len(text) > LONGEST:
        refuse(100, f"(#100) Param message must be at most {LONGEST} characters long.")


def _refuse_repeated(world: World, who: str, message: str, link: str | None, photos: list[Any]) -> None:
    last = next(iter(world.published("facebook", who)), None)
    if (
        last
        and not world.takes_duplicates
        and not photos
        and not last.media
        and (last.text, last.extra.get("link")) == (message, link)
    ):
        refuse(506, "Duplicate status message", shown="This status update is identical to the last one you posted.")


def _attached(world: World, who: str, listed: str) -> list[dict[str, Any]]:
    try:
        ids = [str(item["media_fbid"]) for item in json.loads(listed)]
    except (ValueError, TypeError, KeyError):
        refuse(100, "(#100) Param attached_media must be a list of objects with media_fbid")
    photos = [world.objects.get(each, {}) for each in ids]
    if not ids or len(set(ids)) != len(ids) or any(photo.get("photo_of") != who for photo in photos):
        refuse(100, "(#100) Every attached_media must be a different photo of this Page")
    if any(photo["post"] for photo in photos):
        refuse(100, "Photos were already posted", subcode=1366051)
    return photos


async def publish(
    world: World, who: str, text: str, post_id: str, media: list[dict[str, Any]], *, path: str | None = None, **extra: Any
) -> str:  # fmt: skip
    """Puts a post into the ledger; its link is `path` below www.facebook.com."""
    where = path or f"{who}/posts/{post_id.partition('_')[2] or post_id}"
    told = {name: value for name, value in extra.items() if value}
    url = f"https://www.facebook.com/{where}"
    await world.publish("facebook", who, text, post_id=post_id, media=media, url=url, **told)
    return post_id


async def photo_step(request: Request) -> str:
    return "upload" if (await parameters(request)).get("published", "").lower() in ("false", "0") else "publish"


async def add_photo(world: World, request: Request) -> Response:
    who, given = await page_of(world, request), await parameters(request)
    source = next((v for v in (await request.form()).values() if isinstance(v, UploadFile)), None)
    only(given, PHOTO)
    if bool(source) == ("url" in given):
        refuse(324, "(#324) Requires upload file")
    found = await hashed(source) if source else await world.fetch(given["url"])
    kind = next((mime for head, mime in PICTURES.items() if (found or {"head": ""})["head"].startswith(head)), None)
    if found is None:
        refuse(389, "Unable to fetch video file from URL.")
    if kind is None:
        refuse(100, "Invalid parameter", subcode=1366046, shown="The photo must be a JPEG, PNG or GIF.")
    alt_text, caption = given.get("alt_text_custom"), given.get("caption") or given.get("message") or ""
    media = {"sha256": found["sha256"], "size": found["size"], "mimeType": kind, "altText": alt_text}
    photo: dict[str, Any] = {
        "platform": "facebook", "id": world.new_id(), "owner": who, "photo_of": who, "media": media, "post": None
    }  # fmt: skip
    photo["view"] = lambda fields: select_nested(_view_photo(world, photo), fields)
    world.objects[photo["id"]] = photo
    if not flag(given, "published", True):
        return JSONResponse({"id": photo["id"]})
    _check_text(caption)
    photo["post"] = await publish(world, who, caption, f"{who}_{world.new_id()}", [media], photos=[photo["id"]])
    return JSONResponse({"id": photo["id"], "post_id": photo["post"]})


def _view_photo(world: World, photo: dict[str, Any]) -> dict[str, Any]:
    return {
        "id": photo["id"], "alt_text_custom": photo["media"]["altText"], "page_story_id": photo["post"],
        "link": f"https://www.facebook.com/photo.php?fbid={photo['id']}",
    }  # fmt: skip


async def hashed(file: UploadFile) -> dict[str, Any]:
    """A received file as `World.fetch` tells of a fetched one."""
    digest, size, head = hashlib.sha256(), 0, b""
    while chunk := await file.read(1024 * 1024):
        head = head or chunk[:64]
        digest.update(chunk)
        size += len(chunk)
    return {"sha256": digest.hexdigest(), "size": size, "mimeType": file.content_type, "head": head.hex()}


async def photo_story(world: World, request: Request) -> Response:
    who, given = await page_of(world, request), await parameters(request)
    only(given, ("photo_id",))
    photo = world.objects.get(given.get("photo_id", ""), {})
    if photo.get("photo_of") != who or photo["post"]:
        refuse(100, "(#100) Param photo_id must be an unpublished photo of this Page")
    photo["post"] = story = world.new_id()
    path = f"stories/{who}/{story}/"
    await publish(world, who, "", story, [photo["media"]], path=path, placement="story", media_id=photo["id"])
    return JSONResponse({"success": True, "post_id": story})


def listing(edge: str) -> Handler:
    """The Page's feed, or its stories, newest first."""

    async def handler(world: World, request: Request) -> Response:
        who, given = await page_of(world, request, SCOPES[:1]), await parameters(request)
        only(given, LIST)
        posts = [
            post for post in world.published("facebook", who)
            if (post.extra.get("placement") == "story") == (edge == "stories")
        ][: min(int(given.get("limit", 25)), 100)]  # fmt: skip
        show, otherwise = (_view_story, "post_id") if edge == "stories" else (view, "message,created_time")
        rows = [select_nested(show(world, post), given.get("fields") or otherwise) for post in posts]
        return JSONResponse({"data": rows, "paging": {"cursors": {"before": "a", "after": "b"}}})

    return handler


def feed_post(world: World, who: str, asked: str) -> Published | None:
    """A post of this Page by the id that its feed shows."""
    return next((post for post in world.published("facebook", who) if _feed_id(post) == asked), None)


def _feed_id(post: Published) -> str:
    return str(post.extra.get("feed_id", post.id))


def view(world: World, post: Published) -> dict[str, Any]:
    targets = [{"target": {"id": photo}} for photo in post.extra.get("photos", [])]
    link = post.extra.get("link")
    top = {"unshimmed_url": link} if link else (targets[0] if len(targets) == 1 else {"subattachments": {"data": targets}})
    return {
        "id": _feed_id(post), "message": post.text or None, "created_time": stamp(post.at), "permalink_url": post.url,
        "from": {"id": post.account_id}, "is_published": True,
        "attachments": {"data": [top]} if targets or link else None,
    }  # fmt: skip


def _view_story(world: World, post: Published) -> dict[str, Any]:
    return {
        "id": post.id, "post_id": post.id, "media_id": post.extra["media_id"], "url": post.url, "status": "PUBLISHED",
        "creation_time": str(int(post.at)), "media_type": post.media[0]["mimeType"].split("/")[0],
    }  # fmt: skip


def select_nested(values: dict[str, Any], fields: str | None) -> dict[str, Any]:
    """`graph.select` for fields with sub-fields in braces; those come whole."""
    flat = re.sub(r"\{[^{}]*\}", "", fields or "")
    asked = [name.split(".")[0] for name in flat.split(",") if name]
    if unknown := [name for name in asked if name not in values]:
        refuse(100, f"(#100) Tried accessing nonexisting field ({unknown[0]})")
    return {"id": values["id"]} | {name: values[name] for name in asked if values[name] is not None}
