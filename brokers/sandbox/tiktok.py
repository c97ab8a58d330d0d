"""TikTok on the simulator: consent and tokens, the Content Posting API, and the posts' own pages.

An account's `extra` may hold `unaudited` (only SELF_ONLY), `levels`, `disabled` (comment, duet, stitch), `max_seconds`,
and `fail_reason` (what becomes of its next posts).
"""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response

from brokers.sandbox.app import page, post_page
from brokers.sandbox.consent import consent, redeem
from brokers.sandbox.tiktok_answers import answer, caller, errors, ok, refusal, refuse
from brokers.sandbox.tiktok_posts import content_init, creator_info, put, status, step_of, video_init
from brokers.sandbox.world import Identity, Part, SimRoute, Token, World

__all__ = ["PART", "errors"]

ACCESS, REFRESH = 2 * 3600, 180 * 86400
USER_FIELDS = {"open_id", "union_id", "avatar_url", "avatar_url_100", "avatar_large_url", "display_name"}


def identity(number: int) -> Identity:
    return Identity("tiktok", f"-000simulated{number:07}", f"tiktok.person{number}", f"TikTok Person {number}")


async def token(world: World, request: Request) -> Response:
    given = {name: str(value) for name, value in (await request.form()).items()}
    if not given.get("client_key") or not given.get("client_secret"):
        return answer("invalid_client", "Client key or secret is incorrect.")
    if given.get("grant_type") == "authorization_code":
        used = given.get("code")
        found = redeem(world, "tiktok", used, given["client_key"], given.get("redirect_uri"), given.get("code_verifier"))
        return _granted(world, found) if found else answer("invalid_grant", "Authorization code is expired.")
    if given.get("grant_type") != "refresh_token":
        return answer("unsupported_grant_type")
    found = world.token("tiktok", given.get("refresh_token"), "refresh")
    if found is None:
        return answer("invalid_grant", "Refresh token is invalid or expired.")
    del world.tokens[given["refresh_token"]]  # good once
    return _granted(world, found)


def _granted(world: World, found: Token) -> Response:
    def issue(kind: str, ttl: float) -> str:
        return world.issue("tiktok", found.identity, kind, found.scopes, ttl, family=found.family)

    return JSONResponse(
        {
            "access_token": issue("access", ACCESS), "expires_in": ACCESS, "open_id": found.identity,
            "refresh_token": issue("refresh", REFRESH), "refresh_expires_in": REFRESH,
            "scope": ",".join(found.scopes), "token_type": "Bearer",
        }
    )  # fmt: skip


async def revoke(world: World, request: Request) -> Response:
    given = {name: str(value) for name, value in (await request.form()).items()}
    if not given.get("client_key") or not given.get("client_secret"):
        return answer("invalid_client", "Client key or secret is incorrect.")
    found = world.token("tiktok", given.get("token"))
    if found is None:
        return answer("invalid_request", "The token is missing or unknown.")
    world.revoke_family(found.family)
    return Response(status_code=200)


async def user_info(world: World, request: Request) -> Response:
    who = caller(world, request, "user.info.basic")
    asked = request.query_params.get("fields", "").split(",")
    if unknown := [name for name in asked if name not in USER_FIELDS]:
        refuse("invalid_params", f"The fields are invalid: {unknown[0]}")
    picture = f"https://p16.tiktokcdn.com/{who.id}.jpeg"
    known = {"open_id": who.id, "union_id": f"u{who.id}", "avatar_url": picture, "display_name": who.name}
    return ok({"user": {name: known.get(name, picture) for name in asked}})


async def profile_page(world: World, request: Request) -> Response:
    name = request.path_params["name"]
    who = next((i for (platform, _), i in world.identities.items() if platform == "tiktok" and i.username == name), None)
    if who is None:
        return HTMLResponse("Not found", 404)
    return HTMLResponse(page(f"@{name}", world.published("tiktok", who.id)))


OPEN, PAGES = "open.tiktokapis.com", "www.tiktok.com"
PART = Part(
    "tiktok",
    (
        SimRoute("GET", PAGES, "/v2/auth/authorize/", "page", consent("tiktok", client_id="client_key", separator=",")),
        SimRoute("POST", OPEN, "/v2/oauth/token/", "token", token),
        SimRoute("POST", OPEN, "/v2/oauth/revoke/", "token", revoke),
        SimRoute("GET", OPEN, "/v2/user/info/", "read", user_info),
        SimRoute("POST", OPEN, "/v2/post/publish/creator_info/query/", "read", creator_info),
        SimRoute("POST", OPEN, "/v2/post/publish/video/init/", "upload", video_init),
        SimRoute("PUT", "open-upload.tiktokapis.com", "/video/", "publish", put, step_of),
        SimRoute("POST", OPEN, "/v2/post/publish/content/init/", "publish", content_init),
        SimRoute("POST", OPEN, "/v2/post/publish/status/fetch/", "wait", status),
        SimRoute("GET", PAGES, "/@{name}/video/{id}", "page", post_page("tiktok")),
        SimRoute("GET", PAGES, "/@{name}/photo/{id}", "page", post_page("tiktok")),
        SimRoute("GET", PAGES, "/@{name}", "page", profile_page),
    ),
    refusal,
    identity,
)
