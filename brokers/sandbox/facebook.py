"""Facebook Pages on the simulator: graph.facebook.com, rupload.facebook.com, the login, and the posts' own pages."""

from __future__ import annotations

from typing import Any

from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response

from brokers.facebook.errors import ROWS
from brokers.sandbox import facebook_posts as posts
from brokers.sandbox import facebook_tokens as tokens
from brokers.sandbox import facebook_videos as videos
from brokers.sandbox.app import page
from brokers.sandbox.consent import consent
from brokers.sandbox.graph import bearer, documented, not_found, parameters, refusal
from brokers.sandbox.ledger import Published
from brokers.sandbox.world import Part, SimRoute, World


async def node(world: World, request: Request) -> Response:
    """Any object by its id: a photo, video or post, the Page itself, or another platform's object that has a `view`."""
    asked, fields = request.path_params["object"], (await parameters(request)).get("fields")
    entry = world.objects.get(asked, {})
    token = await bearer(world, entry.get("platform", "facebook"), request, ())
    if "view" in entry and entry.get("owner", token.identity) == token.identity:
        return JSONResponse(entry["view"](fields))
    post = posts.feed_post(world, token.identity, asked)
    if post is not None:
        return JSONResponse(posts.select_nested(posts.view(world, post), fields))
    return JSONResponse(tokens.view_identity(world, token, asked, fields) or not_found(asked))


async def permalink(world: World, request: Request) -> Response:
    wanted = request.path_params["id"]
    found = next((post for post in world.published("facebook") if wanted in _names(post)), None)
    return HTMLResponse(page("facebook", [found])) if found else HTMLResponse("Not found", 404)


def _names(post: Published) -> set[Any]:
    return {post.id, post.id.partition("_")[2], post.extra.get("feed_id")}


def errors() -> dict[str, Any]:
    """Every documented error of Facebook, to arm with `world.arm_reply`."""
    return documented(ROWS)


GRAPH, SITE, UPLOADS = "graph.facebook.com", "www.facebook.com", "rupload.facebook.com"
PAGE = "/{version}/{page}"
PART = Part(
    "facebook",
    (
        SimRoute("GET", SITE, "/{version}/dialog/oauth", "page", consent("facebook", separator=",")),
        SimRoute("GET", GRAPH, "/{version}/oauth/access_token", "token", tokens.exchange),
        SimRoute("DELETE", GRAPH, "/{version}/{user}/permissions", "token", tokens.revoke),
        SimRoute("GET", GRAPH, "/{version}/me/accounts", "read", tokens.accounts),
        SimRoute("GET", GRAPH, f"{PAGE}/feed", "read", posts.listing("feed")),
        SimRoute("GET", GRAPH, f"{PAGE}/stories", "read", posts.listing("stories")),
        SimRoute("POST", GRAPH, f"{PAGE}/feed", "publish", posts.create),
        SimRoute("POST", GRAPH, f"{PAGE}/photos", "upload", posts.add_photo, posts.photo_step),
        SimRoute("POST", GRAPH, f"{PAGE}/photo_stories", "publish", posts.photo_story),
        SimRoute("POST", GRAPH, f"{PAGE}/videos", "upload", videos.video, videos.step),
        SimRoute("POST", GRAPH, f"{PAGE}/video_reels", "upload", videos.phased("video_reels"), videos.step),
        SimRoute("POST", GRAPH, f"{PAGE}/video_stories", "upload", videos.phased("video_stories"), videos.step),
        SimRoute("POST", GRAPH, "/{version}/{video}/thumbnails", "thumbnail", videos.thumbnail),
        SimRoute("POST", UPLOADS, "/video-upload/{version}/{video}", "upload", videos.receive),
        SimRoute("GET", GRAPH, "/{version}/{object}", "wait", node),
        SimRoute("GET", SITE, "/{page}/posts/{id}", "page", permalink),
        SimRoute("GET", SITE, "/{page}/videos/{id}/", "page", permalink),
        SimRoute("GET", SITE, "/stories/{page}/{id}/", "page", permalink),
        SimRoute("GET", SITE, "/reel/{id}/", "page", permalink),
        SimRoute("GET", SITE, "/{id}", "page", permalink),
    ),
    refusal,
    tokens.identity,
)
