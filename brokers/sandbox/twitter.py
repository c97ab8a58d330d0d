"""X on the simulator: api.x.com, the consent page, and the posts' own pages."""

from __future__ import annotations

import hashlib
import html
import unicodedata
from datetime import UTC, datetime
from typing import Any

import regex
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from brokers.sandbox import twitter_media, twitter_oauth
from brokers.sandbox.app import post_page
from brokers.sandbox.consent import consent
from brokers.sandbox.ledger import Published
from brokers.sandbox.twitter_caller import body_of, caller, is_id
from brokers.sandbox.twitter_media import state, upload_of
from brokers.sandbox.twitter_problems import DUPLICATE, errors, invalid, refusal, refuse
from brokers.sandbox.world import Identity, Part, SimRoute, World
from brokers.text import x_weight

__all__ = ["PART", "errors"]

READ = ("tweet.read", "users.read")
REPLIES = ("following", "mentionedUsers", "subscribers", "verified")
POST_FIELDS = {"text": str, "media": dict, "reply_settings": str, "made_with_ai": bool, "paid_partnership": bool}
TIMELINE = {
    "max_results", "pagination_token", "start_time", "end_time", "since_id", "until_id", "exclude", "tweet.fields",
    "post.fields", "expansions", "user.fields", "media.fields",
}  # fmt: skip
_LINK = regex.compile(r"(?:https?://|(?<![\w@.-])(?:[a-z0-9-]+\.)+(?:com|org|net|io|dev)\b)[^\s]*", regex.IGNORECASE)


def identity(number: int) -> Identity:
    return Identity("twitter", f"1700000000{number:09}", f"x_person_{number}", f"X Person {number}")


async def me(world: World, request: Request) -> Response:
    who = caller(world, request, *READ)
    if unknown := set(request.query_params) - {"user.fields", "expansions", "tweet.fields"}:
        invalid(min(unknown), "", "is not a parameter of this endpoint")
    shown = {"id": who.id, "name": who.name, "username": who.username}
    more = {"profile_image_url": f"https://pbs.twimg.com/{who.id}.jpg", "protected": False, "verified_type": "none"}
    asked = request.query_params.get("user.fields", "").split(",")
    return JSONResponse({"data": shown | {name: value for name, value in more.items() if name in asked}})


async def create(world: World, request: Request) -> Response:
    who = caller(world, request, "tweet.read", "tweet.write", "users.read")
    asked = await body_of(request, POST_FIELDS)
    text, media = asked.get("text", "").strip(), _media(world, request, asked.get("media"))
    if not text and not media:
        invalid("text", "", "A post needs text or media.")
    if x_weight(text) > 280:
        invalid("text", text, "Your Tweet text is too long.")
    if asked.get("reply_settings", REPLIES[0]) not in REPLIES:
        invalid("reply_settings", asked["reply_settings"], f"reply_settings must be one of {REPLIES}")
    hashes = [item["sha256"] for item in media]
    for post in () if world.takes_duplicates else world.ledger.posts:
        same = post.platform == "twitter" and post.account_id == who.id and post.text == text
        if same and [item["sha256"] for item in post.media] == hashes:
            refuse(403, "Forbidden", DUPLICATE)
    extra = {name: value for name, value in asked.items() if name not in ("text", "media")}
    post_id = world.new_id(19)
    url = f"https://x.com/{who.username}/status/{post_id}"
    post = await world.publish("twitter", who.id, text, post_id=post_id, media=media, url=url, **extra)
    shown = _view(world, post)
    return JSONResponse(
        {"data": {"id": post.id, "text": shown["text"], "edit_history_post_ids": [post.id]}}, 201
    )  # fmt: skip


def _media(world: World, request: Request, asked: dict[str, Any] | None) -> list[dict[str, Any]]:
    if asked is None:
        return []
    ids = asked.get("media_ids")
    if set(asked) != {"media_ids"} or not isinstance(ids, list) or not 1 <= len(ids) <= 4 or not all(map(is_id, ids)):
        invalid("media.media_ids", ids, "media_ids must be 1 to 4 media ids")
    uploads = [upload_of(world, request, each) for each in ids]
    alone = [each for each in uploads if each["media_category"] != "tweet_image"]
    unfinished = any(state(world, each) != "succeeded" for each in uploads)
    if unfinished or (alone and len(ids) > 1) or len(set(ids)) < len(ids):
        invalid("media.media_ids", ids, "Your media IDs are invalid.")
    return [
        {
            "sha256": each["sha256"], "size": each["total_bytes"], "mimeType": each["media_type"],
            "altText": each["altText"], "key": each["key"],
        }
        for each in uploads
    ]  # fmt: skip


async def timeline(world: World, request: Request) -> Response:
    who, asked = caller(world, request, *READ), request.query_params
    if unknown := set(asked) - TIMELINE:
        invalid(min(unknown), "", "is not a parameter of this endpoint")
    if request.path_params["id"] != who.id:
        return JSONResponse({"meta": {"result_count": 0}})
    most = asked.get("max_results", "10")
    if not most.isdigit() or not 5 <= int(most) <= 100:
        invalid("max_results", most, "max_results must be 5 to 100")
    posts = [post for post in world.published("twitter", who.id) if _within(post, asked)][: int(most)]
    if not posts:
        return JSONResponse({"meta": {"result_count": 0}})
    fields = {
        "id",
        "text",
        "edit_history_post_ids",
        *asked.get("tweet.fields", asked.get("post.fields", "")).split(","),
    }
    views = [{name: value for name, value in _view(world, post).items() if name in fields} for post in posts]
    return JSONResponse(
        {"data": views, "meta": {"result_count": len(views), "newest_id": posts[0].id, "oldest_id": posts[-1].id}}
    )


def _within(post: Published, asked: Any) -> bool:
    since, start = asked.get("since_id", "0"), asked.get("start_time")
    if not is_id(since):
        invalid("since_id", since, "since_id must be a post id")
    try:
        begin = datetime.fromisoformat(start).timestamp() if start else 0
    except ValueError:
        invalid("start_time", start, "start_time must be an ISO 8601 time")
    return int(post.id) > int(since) and post.at >= begin


def _view(world: World, post: Published) -> dict[str, Any]:
    """A post as X shows it: links behind t.co, one more for media, composed letters, & < > escaped."""
    links: list[dict[str, Any]] = []

    def shorten(url: str, shown: str) -> str:
        code = hashlib.sha256(f"{post.id}{len(links)}".encode()).hexdigest()[:10]
        links.append({"url": f"https://t.co/{code}", "expanded_url": url, "display_url": shown})
        return f"https://t.co/{code}"

    def link(found: Any) -> str:
        written: str = found[0].rstrip(".,;:!?)")
        url = written if "://" in written else f"http://{written}"
        return f"{shorten(url, written.partition('://')[2] or written)}{found[0][len(written) :]}"

    text: str = _LINK.sub(link, unicodedata.normalize("NFC", post.text))
    if post.media:
        kind = "photo" if post.media[0]["mimeType"].startswith("image/") else "video"
        where = shorten(f"{post.url}/{kind}/1", "pic.x.com")
        text = f"{text} {where}" if text else where
    for each in links:
        each["start"] = text.index(each["url"])
        each["end"] = each["start"] + len(each["url"])
    view = {
        "id": post.id, "edit_history_post_ids": [post.id], "text": html.escape(text, quote=False),
        "created_at": datetime.fromtimestamp(post.at, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        "attachments": {"media_keys": [item["key"] for item in post.media]} if post.media else None,
        "entities": {"urls": links} if links else None,
    }  # fmt: skip
    return {name: value for name, value in view.items() if value is not None}


API, SITE = "api.x.com", "x.com"
PART = Part(
    "twitter",
    (
        SimRoute("GET", SITE, "/i/oauth2/authorize", "page", consent("twitter")),
        SimRoute("POST", API, "/2/oauth2/token", "token", twitter_oauth.token),
        SimRoute("POST", API, "/2/oauth2/revoke", "token", twitter_oauth.revoke),
        SimRoute("GET", API, "/2/users/me", "read", me),
        SimRoute("GET", API, "/2/users/{id}/tweets", "read", timeline),
        SimRoute("POST", API, "/2/media/upload/initialize", "upload", twitter_media.initialize),
        SimRoute("POST", API, "/2/media/upload/{id}/append", "upload", twitter_media.append),
        SimRoute("POST", API, "/2/media/upload/{id}/finalize", "upload", twitter_media.finalize),
        SimRoute("GET", API, "/2/media/upload", "wait", twitter_media.status),
        SimRoute("POST", API, "/2/media/metadata", "upload", twitter_media.describe),
        SimRoute("POST", API, "/2/tweets", "publish", create),
        SimRoute("GET", SITE, "/{name}/status/{id}", "page", post_page("twitter")),
    ),
    refusal,
    identity,
)
