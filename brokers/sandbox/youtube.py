"""YouTube on the simulator: Google's consent and token endpoints, the Data API, and the videos' own pages.

An account's `extra` may hold `unaudited` (everything becomes private) and `verdict` (`failed/codec`,
`rejected/copyright`, ...: what becomes of its next videos).
"""

from __future__ import annotations

import hashlib
from typing import Any
from urllib.parse import parse_qs, urlsplit

from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response

from brokers.sandbox.app import page
from brokers.sandbox.consent import consent, redeem
from brokers.sandbox.world import Identity, Part, SimRoute, Token, World
from brokers.sandbox.youtube_answers import READ, UPLOAD, answer, caller, errors, only, parts, refusal, refuse
from brokers.sandbox.youtube_upload import PARTS, begin, put, step_of

__all__ = ["PART", "errors"]

HOUR = 3600
MAX_THUMBNAIL = 2 * 1024 * 1024
_consent = consent("youtube")


def identity(number: int) -> Identity:
    return Identity("youtube", f"UCsimulated{number:013}", f"channel{number}", f"Channel {number}")


async def authorize(world: World, request: Request) -> Response:
    """A refresh token comes only for offline access with a fresh consent."""
    response = await _consent(world, request)
    code = parse_qs(urlsplit(response.headers.get("location", "")).query).get("code")
    if code:
        asked = request.query_params
        world.tokens[code[0]].extra["offline"] = (asked.get("access_type"), asked.get("prompt")) == (
            "offline",
            "consent",
        )
    return response


async def token(world: World, request: Request) -> Response:
    given = {name: str(value) for name, value in (await request.form()).items()}
    if not given.get("client_id") or not given.get("client_secret"):
        return answer("invalid_client", "The OAuth client was not found.")
    if given.get("grant_type") == "authorization_code":
        used, verifier = given.get("code"), given.get("code_verifier")
        found = redeem(world, "youtube", used, given["client_id"], given.get("redirect_uri"), verifier)
        if found is None:
            return answer("invalid_grant", "Malformed auth code.")
        more = {"refresh_token": _issue(world, found, "refresh", None)} if found.extra.get("offline") else {}
        return _granted(world, found, more)
    if given.get("grant_type") != "refresh_token":
        return answer("invalid_request", "Invalid grant_type")
    found = world.token("youtube", given.get("refresh_token"), "refresh")
    return _granted(world, found, {}) if found else answer("invalid_grant", "Token has been expired or revoked.")


def _granted(world: World, found: Token, more: dict[str, str]) -> Response:
    access = _issue(world, found, "access", HOUR - 1)
    said = {"access_token": access, "expires_in": HOUR - 1, "scope": " ".join(found.scopes), "token_type": "Bearer"}
    return JSONResponse(said | more)


def _issue(world: World, found: Token, kind: str, ttl: float | None) -> str:
    return world.issue("youtube", found.identity, kind, found.scopes, ttl, family=found.family)


async def revoke(world: World, request: Request) -> Response:
    value = str((await request.form()).get("token"))
    found = world.token("youtube", value) or world.token("youtube", value, "refresh")
    if found is None:
        return answer("invalid_token", "Token expired or revoked")
    world.revoke_family(found.family)
    return JSONResponse({})


async def videos(world: World, request: Request) -> Response:
    who = caller(world, request, READ)
    given = only(request, {"part", "id"}, ("part", "id"))
    asked = parts(given, PARTS)
    found = [_resource(world, who, video_id, asked) for video_id in given["id"].split(",")]
    return _listing("youtube#videoListResponse", [video for video in found if video])


def _resource(world: World, who: Identity, video_id: str, asked: list[str]) -> dict[str, Any] | None:
    video = world.objects.get(f"video:{video_id}") or _from_ledger(world, video_id)
    if video is None or video["owner"] != who.id:
        return None
    done = world.clock() >= video["ready_at"]
    status, _, reason = video["verdict"].partition("/") if done else ("uploaded", "", "")
    state = {"processed": "succeeded", "failed": "failed", "rejected": "terminated"}.get(status, "processing")
    named = {"failed": "failureReason", "rejected": "rejectionReason"}
    told = {"uploadStatus": status, **video["status"]} | ({named[status]: reason} if reason else {})
    known = {"snippet": video["snippet"], "status": told, "processingDetails": {"processingStatus": state}}
    return {"kind": "youtube#video", "id": video_id} | {part: known[part] for part in asked if part in known}


def _from_ledger(world: World, video_id: str) -> dict[str, Any] | None:
    post = world.find_post("youtube", video_id)
    return {"owner": post.account_id, "verdict": "processed", "ready_at": 0, **post.extra} if post else None


async def channels(world: World, request: Request) -> Response:
    who = caller(world, request, READ)
    given = only(request, {"part", "mine", "maxResults"}, ("part", "mine"))
    asked = parts(given, {"snippet", "contentDetails", "id", "status"})
    if who.extra.get("no_channel"):
        return JSONResponse({"kind": "youtube#channelListResponse", "pageInfo": {"totalResults": 0}})
    picture = {"default": {"url": f"https://yt3.ggpht.com/{who.id}"}}
    known = {
        "snippet": {"title": who.name, "customUrl": f"@{who.username}", "thumbnails": picture},
        "contentDetails": {"relatedPlaylists": {"uploads": who.id.replace("UC", "UU", 1)}},
    }
    item = {"kind": "youtube#channel", "id": who.id} | {part: known[part] for part in asked if part in known}
    return _listing("youtube#channelListResponse", [item])


def _listing(kind: str, items: list[dict[str, Any]]) -> Response:
    return JSONResponse({"kind": kind, "items": items, "pageInfo": {"totalResults": len(items)}})


async def set_thumbnail(world: World, request: Request) -> Response:
    who = caller(world, request, UPLOAD)
    given = only(request, {"videoId"}, ("videoId", "uploadType"))
    video = world.objects.get(f"video:{given['videoId']}")
    if video is None or video["owner"] != who.id:
        refuse("videoNotFound", "The video that you are trying to set a thumbnail for cannot be found.")
    kind, body = request.headers.get("content-type"), await request.body()
    if not body:
        refuse("mediaBodyRequired", "The request does not include the image content.")
    if kind not in ("image/jpeg", "image/png", "application/octet-stream") or len(body) > MAX_THUMBNAIL:
        refuse("invalidImage", "The provided image content is invalid.")
    video["thumbnail"] = {"sha256": hashlib.sha256(body).hexdigest(), "size": len(body), "mimeType": kind}
    picture = {"default": {"url": f"https://i.ytimg.com/vi/{given['videoId']}/default.jpg"}}
    return JSONResponse({"kind": "youtube#thumbnailSetResponse", "items": [picture]})


async def watch(world: World, request: Request) -> Response:
    post = world.find_post("youtube", request.query_params.get("v", ""))
    return HTMLResponse(page("youtube", [post])) if post else HTMLResponse("Not found", 404)


def _api(host: str) -> tuple[SimRoute, ...]:
    return (
        SimRoute("POST", host, "/upload/youtube/v3/videos", "upload", begin),
        SimRoute("PUT", host, "/upload/youtube/v3/videos", "publish", put, step_of),
        SimRoute("POST", host, "/upload/youtube/v3/thumbnails/set", "upload", set_thumbnail),
        SimRoute("GET", host, "/youtube/v3/videos", "wait", videos),
        SimRoute("GET", host, "/youtube/v3/channels", "read", channels),
    )


PART = Part(
    "youtube",
    (
        SimRoute("GET", "accounts.google.com", "/o/oauth2/v2/auth", "page", authorize),
        SimRoute("POST", "oauth2.googleapis.com", "/token", "token", token),
        SimRoute("POST", "oauth2.googleapis.com", "/revoke", "token", revoke),
        *_api("www.googleapis.com"),
        *_api("youtube.googleapis.com"),
        SimRoute("GET", "www.youtube.com", "/watch", "page", watch),
    ),
    refusal,
    identity,
)
