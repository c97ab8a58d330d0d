"""Threads on the simulator: graph.threads.net, the consent page, and the posts' own pages."""

from __future__ import annotations

from functools import partial
from typing import Any

import regex
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from brokers.sandbox.app import post_page
from brokers.sandbox.consent import consent
from brokers.sandbox.graph import (
    bearer,
    documented,
    not_found,
    only,
    parameters,
    refusal,
    refuse,
    select,
    stamp,
    step_of_node,
)
from brokers.sandbox.graph_containers import contain, named, profile_page, rows, status_of
from brokers.sandbox.graph_tokens import token_routes
from brokers.sandbox.world import Identity, Part, SimRoute, World
from brokers.threads.errors import ROWS

SCOPES = ("threads_basic", "threads_content_publish")
CONTAINER = {
    "media_type", "text", "image_url", "video_url", "alt_text", "is_carousel_item", "children", "reply_control",
    "link_attachment", "topic_tag",
}  # fmt: skip
#: The parameters that each kind of container needs.
NEEDS = {"TEXT": "text", "IMAGE": "image_url", "VIDEO": "video_url", "CAROUSEL": "children"}
AUDIENCES = ("everyone", "accounts_you_follow", "mentioned_only", "parent_post_author_only", "followers_only")
#: How a file of each kind begins: (offset in hex digits, hex digits).
MAGIC = {"IMAGE": ((0, "ffd8ff"), (0, "89504e47")), "VIDEO": ((8, "66747970"),)}


def identity(number: int) -> Identity:
    return Identity("threads", f"2600000000{number:07}", f"threads_person_{number}", f"Threads Person {number}")


async def create(world: World, request: Request) -> Response:
    who, given = await _caller(world, request), await parameters(request)
    _check(given)
    kind = given["media_type"]
    verdict: str | None = None
    media: list[dict[str, Any]] = []
    if kind == "CAROUSEL":
        media = [item for child in _children(world, who, given["children"]) for item in child["media"]]
    elif kind != "TEXT":
        fetched = await world.fetch(given[NEEDS[kind]])
        verdict = _verdict(kind, fetched)
        kept = {name: (fetched or {}).get(name) for name in ("sha256", "size", "mimeType")}
        media = [kept | {"altText": given.get("alt_text")}]
    return JSONResponse({"id": contain(world, "threads", who, given, media, verdict)["id"]})


def _check(given: dict[str, str]) -> None:
    only(given, CONTAINER)
    kind = given.get("media_type", "")
    if kind not in NEEDS or not given.get(NEEDS[kind]):
        refuse(100, f"(#100) The parameter {NEEDS.get(kind, 'media_type')} is required")
    if others := [name for name in NEEDS.values() if name != NEEDS[kind] and name != "text" and name in given]:
        refuse(100, f"(#100) Parameter {others[0]} does not go with media type {kind}")
    if _length(given.get("text", "")) > 500:
        refuse(100, "(#100) Param text must be at most 500 characters long.")
    if "alt_text" in given and (kind not in MAGIC or len(given["alt_text"]) > 1000):
        refuse(100, "(#100) Param alt_text belongs to an image or video and has at most 1000 characters.")
    if "is_carousel_item" in given and (kind not in MAGIC or {"text", "topic_tag", "reply_control"} & set(given)):
        refuse(100, "(#100) A carousel item is an image or a video alone.")
    if "link_attachment" in given and kind != "TEXT":
        refuse(100, "(#100) Param link_attachment is for text posts only.")
    if given.get("reply_control", "everyone") not in AUDIENCES:
        refuse(100, f"(#100) Param reply_control must be one of {AUDIENCES}")
    if not 1 <= len(given.get("topic_tag", "x")) <= 50 or set(given.get("topic_tag", "")) & set(".&"):
        refuse(100, "(#100) Param topic_tag must have 1 to 50 characters without . and &")


def _length(text: str) -> int:
    """Characters, but an emoji weighs as many as its UTF-8 bytes."""
    return len(text) + sum(len(e.encode()) - len(e) for e in regex.findall(r"\p{Extended_Pictographic}", text))


def _verdict(kind: str, fetched: dict[str, Any] | None) -> str | None:
    """The `error_message` of media that cannot be used."""
    if fetched is None:
        return "FAILED_DOWNLOADING_VIDEO" if kind == "VIDEO" else "UNKNOWN"
    known = any(fetched["head"].startswith(magic, at) for at, magic in MAGIC[kind])
    return None if known else ("FAILED_PROCESSING_VIDEO" if kind == "VIDEO" else "UNKNOWN")


def _children(world: World, who: str, listed: str) -> list[dict[str, Any]]:
    ids = listed.split(",")
    if not 2 <= len(ids) <= 20 or len(set(ids)) != len(ids):
        refuse(100, "(#100) A carousel has 2 to 20 different items.")
    children = [world.objects.get(each, {}) for each in ids]
    if any(child.get("owner") != who or "is_carousel_item" not in child["given"] for child in children):
        refuse(100, "(#100) Every child must be a carousel item container of this account.")
    if any(status_of(world, child) != "FINISHED" for child in children):
        refuse(100, "(#100) Every child must be finished.")
    return children


async def release(world: World, request: Request) -> Response:
    who, given = await _caller(world, request), await parameters(request)
    only(given, ("creation_id",))
    container = world.objects.get(given.get("creation_id", ""), {})
    usable = container.get("platform") == "threads" and container["owner"] == who
    if not usable or "is_carousel_item" in container["given"] or status_of(world, container) != "FINISHED":
        refuse(24, "The requested resource does not exist", subcode=4279009, shown="The media cannot be found.")
    container["post"] = post_id = world.new_id()
    asked = container["given"]
    extra = {name: asked[name] for name in ("media_type", "link_attachment", "reply_control", "topic_tag") if name in asked}
    name = world.identities["threads", who].username
    await world.publish(
        "threads", who, asked.get("text", ""), post_id=post_id, media=container["media"],
        url=f"https://www.threads.com/@{name}/post/{post_id}", **extra,
    )  # fmt: skip
    return JSONResponse({"id": post_id})


async def node(world: World, request: Request) -> Response:
    """A container's status, or a post's fields."""
    token = await bearer(world, "threads", request, SCOPES[:1])
    asked, fields = request.path_params["node"], (await parameters(request)).get("fields")
    container, post = world.objects.get(asked), world.find_post("threads", asked)
    if container and container["platform"] == "threads" and container["owner"] == token.identity:
        status = status_of(world, container)
        said = container["verdict"] if status == "ERROR" else None
        return JSONResponse(select({"id": asked, "status": status, "error_message": said}, fields))
    if post is None or post.account_id != token.identity:
        not_found(asked)
    return JSONResponse(select(_view(world, post), fields))


def _view(world: World, post: Any) -> dict[str, Any]:
    who = world.identities["threads", post.account_id]
    return {
        "id": post.id, "text": post.text or None, "timestamp": stamp(post.at), "permalink": post.url,
        "username": who.username, "shortcode": post.id, "media_type": post.extra.get("media_type"),
        "media_product_type": "THREADS", "topic_tag": post.extra.get("topic_tag"),
    }  # fmt: skip


async def listing(world: World, request: Request) -> Response:
    posts = world.published("threads", await _caller(world, request, SCOPES[:1]))
    return await rows(request, posts, partial(_view, world), ("since", "until"))


async def me(world: World, request: Request) -> Response:
    token = await bearer(world, "threads", request, SCOPES[:1])
    who = world.identities["threads", token.identity]
    known = {"id": who.id, "username": who.username, "name": who.name}
    fields = (await parameters(request)).get("fields")
    return JSONResponse(select(known, fields, also=("threads_profile_picture_url", "threads_biography")))


async def _caller(world: World, request: Request, scopes: tuple[str, ...] = SCOPES) -> str:
    return named(request, await bearer(world, "threads", request, scopes))


def errors() -> dict[str, Any]:
    """Every documented Graph error of Threads, to arm with `world.arm_reply`."""
    return documented(ROWS)


GRAPH, PAGES = "graph.threads.net", "www.threads.com"
PART = Part(
    "threads",
    (
        SimRoute("GET", "threads.net", "/oauth/authorize", "page", consent("threads", separator=",")),
        *token_routes("threads", GRAPH, GRAPH, "th", lambda value, who: {"access_token": value, "user_id": int(who.identity)}),
        SimRoute("GET", GRAPH, "/v1.0/me", "read", me),
        SimRoute("POST", GRAPH, "/v1.0/{user}/threads", "upload", create),
        SimRoute("POST", GRAPH, "/v1.0/{user}/threads_publish", "publish", release),
        SimRoute("GET", GRAPH, "/v1.0/{user}/threads", "read", listing),
        SimRoute("GET", GRAPH, "/v1.0/{node}", "wait", node, step_of_node),
        SimRoute("GET", PAGES, "/@{name}/post/{id}", "page", post_page("threads")),
        SimRoute("GET", PAGES, "/@{name}", "page", profile_page("threads")),
    ),
    refusal,
    identity,
)
