"""Instagram on the simulator: graph.instagram.com, its own paths on graph.facebook.com, and the posts' own pages."""

from __future__ import annotations

from functools import partial
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from brokers.instagram.errors import ROWS
from brokers.sandbox.app import host_of, post_page
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
from brokers.sandbox.graph_containers import DAY, contain, named, profile_page, rows, status_of
from brokers.sandbox.graph_tokens import token_routes
from brokers.sandbox.instagram_containers import check, children_of, kind_of, take_in
from brokers.sandbox.ledger import Published
from brokers.sandbox.world import Identity, Part, SimRoute, Token, World

#: Each login's scopes, by host: to read, and to publish as well.
SCOPES = {
    "graph.instagram.com": ("instagram_business_basic", "instagram_business_content_publish"),
    "graph.facebook.com": ("instagram_basic", "instagram_content_publish"),
}
PAGES = {"REELS": "reel", "STORIES": "stories/{name}"}
#: A container's `status`, by its `status_code`.
EXPLAINED = {
    "PUBLISHED": "Published: Media has been successfully published.",
    "IN_PROGRESS": "In Progress: Media is still being processed.",
    "ERROR": "Error: Media upload has failed with error code {}",
    "EXPIRED": "Expired: The container was not published within 24 hours.",
    "FINISHED": "Finished: Media has been uploaded and it is ready to be published.",
}


def identity(number: int) -> Identity:
    return Identity(
        "instagram", f"1784140000{number:07}", f"instagram_person_{number}", f"Instagram Person {number}",
        {"quota_usage": 0, "quota_total": 1_000_000},
    )  # fmt: skip


async def create(world: World, request: Request) -> Response:
    who, given = await _caller(world, request, publishes=True), await parameters(request)
    check(given)
    kind = kind_of(given)
    if kind == "CAROUSEL":
        children = children_of(world.objects, who, given["children"])
        if any(status_of(world, child) != "FINISHED" for child in children):
            refuse(9007, "The media is not ready for publishing", subcode=2207027)
        media, verdict = [item for child in children for item in child["media"]], None
    else:
        media, verdict = await take_in(world, given)
    cover = await world.fetch(given["cover_url"]) if "cover_url" in given else None
    container = contain(world, "instagram", who, given, media, verdict, kind=kind, cover=cover and cover["sha256"])
    container["view"] = lambda fields: _view_container(world, container, fields)
    return JSONResponse({"id": container["id"]})


def _view_container(world: World, container: dict[str, Any], fields: str | None) -> dict[str, Any]:
    code = status_of(world, container)
    said = EXPLAINED[code].format(container["verdict"])
    return select({"id": container["id"], "status_code": code, "status": said}, fields)


async def release(world: World, request: Request) -> Response:
    who, given = await _caller(world, request, publishes=True), await parameters(request)
    only(given, ("creation_id",))
    container = world.objects.get(given.get("creation_id", ""), {})
    if "given" not in container or container.get("owner") != who or container["post"]:
        refuse(24, "The requested resource does not exist", subcode=2207006)
    code = status_of(world, container)
    if code == "EXPIRED":
        refuse(-2, "The container has expired", subcode=2207020)
    if code != "FINISHED" or "is_carousel_item" in container["given"]:
        refuse(9007, "The media is not ready for publishing", subcode=2207027)
    limits = world.identities["instagram", who].extra
    if limits["quota_usage"] >= limits["quota_total"]:
        refuse(9, "Application request limit reached", subcode=2207042)
    limits["quota_usage"] += 1
    container["post"] = media_id = world.new_id()
    await _publish(world, container, media_id)
    return JSONResponse({"id": media_id})


async def _publish(world: World, container: dict[str, Any], media_id: str) -> None:
    asked, who = container["given"], container["owner"]
    extra = {"media_type": container["kind"], "cover": container["cover"], "share_to_feed": asked.get("share_to_feed")}
    where = PAGES.get(container["kind"], "p").format(name=world.identities["instagram", who].username)
    post = await world.publish(
        "instagram", who, asked.get("caption", ""), post_id=media_id, media=container["media"],
        url=f"https://www.instagram.com/{where}/{media_id}/",
        **{name: value for name, value in extra.items() if value},
    )  # fmt: skip
    world.objects[media_id] = {
        "platform": "instagram", "owner": who, "view": lambda fields: select(_view(world, post), fields)
    }  # fmt: skip


async def node(world: World, request: Request) -> Response:
    """A container's status, or a post's fields."""
    token = await _token(world, request)
    asked, fields = request.path_params["node"], (await parameters(request)).get("fields")
    kept, post = world.objects.get(asked, {}), world.find_post("instagram", asked)
    if kept.get("owner") == token.identity and kept["platform"] == "instagram":
        return JSONResponse(kept["view"](fields))
    if post is None or post.account_id != token.identity:
        not_found(asked)
    return JSONResponse(select(_view(world, post), fields))


def _view(world: World, post: Published) -> dict[str, Any]:
    kind = post.extra["media_type"]
    return {
        "id": post.id, "caption": post.text or None, "timestamp": stamp(post.at), "permalink": post.url,
        "username": world.identities["instagram", post.account_id].username, "shortcode": post.id,
        "media_type": "CAROUSEL_ALBUM" if kind == "CAROUSEL" else post.media[0]["mimeType"].split("/")[0].upper(),
        "media_product_type": {"REELS": "REELS", "STORIES": "STORY"}.get(kind, "FEED"),
        "alt_text": post.media[0]["altText"],
    }  # fmt: skip


def listing(stories: bool) -> Any:
    async def handler(world: World, request: Request) -> Response:
        posts = world.published("instagram", await _caller(world, request))
        kept = (post for post in posts if (post.extra.get("media_type") == "STORIES") == stories)
        return await rows(request, kept, partial(_view, world), ("since", "until", "summary"))

    return handler


async def quota(world: World, request: Request) -> Response:
    who, given = await _caller(world, request), await parameters(request)
    only(given, ("fields", "since", "summary"))
    limits = world.identities["instagram", who].extra
    row = {
        "quota_usage": limits["quota_usage"],
        "config": {"quota_total": limits["quota_total"], "quota_duration": DAY},
    }
    asked = [name for name in given.get("fields", "quota_usage").split(",") if name in row]
    return JSONResponse({"data": [{name: row[name] for name in asked}]})


async def me(world: World, request: Request) -> Response:
    token = await _token(world, request)
    who = world.identities["instagram", token.identity]
    known = {
        "id": f"9{who.id[1:]}", "user_id": who.id, "username": who.username, "name": who.name,
        "account_type": "BUSINESS",
    }  # fmt: skip
    fields = (await parameters(request)).get("fields")
    return JSONResponse(select(known, fields, also=("profile_picture_url", "followers_count", "media_count")))


async def _token(world: World, request: Request, publishes: bool = False) -> Token:
    host = host_of(request)
    return await bearer(world, "instagram", request, SCOPES[host] if publishes else SCOPES[host][:1])


async def _caller(world: World, request: Request, publishes: bool = False) -> str:
    return named(request, await _token(world, request, publishes))


def errors() -> dict[str, Any]:
    """Every documented Graph error of Instagram, to arm with `world.arm_reply`."""
    return documented(ROWS)


def _publishing(host: str) -> tuple[SimRoute, ...]:
    user = "/{version}/{user}"
    return (
        SimRoute("POST", host, f"{user}/media", "upload", create),
        SimRoute("POST", host, f"{user}/media_publish", "publish", release),
        SimRoute("GET", host, f"{user}/media", "read", listing(stories=False)),
        SimRoute("GET", host, f"{user}/content_publishing_limit", "read", quota),
    )


def _redeemed(value: str, who: Token) -> dict[str, Any]:
    row = {"access_token": value, "user_id": who.identity, "permissions": ",".join(who.scopes)}
    return {"data": [row]}


GRAPH, SITE = "graph.instagram.com", "www.instagram.com"
PART = Part(
    "instagram",
    (
        SimRoute("GET", SITE, "/oauth/authorize", "page", consent("instagram", separator=",")),
        *token_routes("instagram", "api.instagram.com", GRAPH, "ig", _redeemed),
        SimRoute("GET", GRAPH, "/{version}/me", "read", me),
        *_publishing(GRAPH),
        SimRoute("GET", GRAPH, "/{version}/{user}/stories", "read", listing(stories=True)),
        *_publishing("graph.facebook.com"),
        SimRoute("GET", GRAPH, "/{version}/{node}", "wait", node, step_of_node),
        SimRoute("GET", SITE, "/stories/{name}/{id}/", "page", post_page("instagram")),
        SimRoute("GET", SITE, "/p/{id}/", "page", post_page("instagram")),
        SimRoute("GET", SITE, "/reel/{id}/", "page", post_page("instagram")),
        SimRoute("GET", SITE, "/{name}/", "page", profile_page("instagram")),
    ),
    refusal,
    identity,
)
