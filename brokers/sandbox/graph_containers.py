"""What the simulated Instagram and Threads share: containers, lists of posts, and pages of profiles."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from itertools import islice
from typing import Any

from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response

from brokers.sandbox.app import page
from brokers.sandbox.graph import not_found, only, parameters, select
from brokers.sandbox.ledger import Published
from brokers.sandbox.world import Handler, Token, World

DAY = 86400


def contain(
    world: World, platform: str, who: str, given: Mapping[str, str], media: list[dict[str, Any]], verdict: str | None,
    **more: Any,
) -> dict[str, Any]:  # fmt: skip
    """A new container of `who`; `verdict` is what is wrong with its media, if anything."""
    container: dict[str, Any] = {
        "platform": platform, "id": world.new_id(), "owner": who, "given": given, "media": media, "verdict": verdict,
        "ready_at": world.ready_at(platform), "created_at": world.clock(), "post": None, **more,
    }  # fmt: skip
    world.objects[container["id"]] = container
    return container


def status_of(world: World, container: Mapping[str, Any]) -> str:
    if container["post"]:
        return "PUBLISHED"
    if world.clock() < container["ready_at"]:
        return "IN_PROGRESS"
    if container["verdict"]:
        return "ERROR"
    return "EXPIRED" if world.clock() > container["created_at"] + DAY else "FINISHED"


def named(request: Request, token: Token) -> str:
    """The account that the path names, which must be the token's."""
    if request.path_params["user"] not in ("me", token.identity):
        not_found(request.path_params["user"])
    return token.identity


async def rows(
    request: Request, posts: Iterable[Published], view: Callable[[Published], dict[str, Any]], allowed: Collection[str]
) -> Response:  # fmt: skip
    """The asked fields of posts, newest first, as many as are asked for."""
    given = await parameters(request)
    only(given, ("fields", "limit", *allowed))
    shown = islice(posts, int(given.get("limit", 25)))
    return JSONResponse({"data": [select(view(post), given.get("fields")) for post in shown], "paging": {}})


def profile_page(platform: str) -> Handler:
    """A person's public page, by the name in the path."""

    async def handler(world: World, request: Request) -> Response:
        name = request.path_params["name"]
        who = next((i for i in world.identities.values() if (i.platform, i.username) == (platform, name)), None)
        posts = world.published(platform, who.id) if who else []
        return HTMLResponse(page(f"@{name}", posts)) if who else HTMLResponse("Not found", 404)

    return handler
