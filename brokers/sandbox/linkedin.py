"""LinkedIn on the simulator: member posts by the versioned REST API, the consent page, and the posts' own pages."""

from __future__ import annotations

import json
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from brokers.sandbox import linkedin_media, linkedin_oauth
from brokers.sandbox.app import post_page
from brokers.sandbox.consent import consent
from brokers.sandbox.linkedin_caller import body_of, errors, fields, input_error, member, refusal, refuse
from brokers.sandbox.linkedin_media import status_of
from brokers.sandbox.linkedin_text import hashtags, shown
from brokers.sandbox.world import Identity, Part, SimRoute, World

__all__ = ["PART", "errors"]

POST = {
    "author": str, "commentary": str, "visibility": str, "distribution": dict, "content": dict, "lifecycleState": str,
    "isReshareDisabledByAuthor": bool,
}  # fmt: skip
DISTRIBUTION = {"feedDistribution": str, "targetEntities": list, "thirdPartyDistributionChannels": list}
MEDIA = {"id": str, "altText": str, "title": str}
ARTICLE = {"source": str, "title": str, "description": str, "thumbnail": str, "thumbnailAltText": str}
LIFE = 86400


def identity(number: int) -> Identity:
    return Identity("linkedin", f"mEmBeR{number:04}", f"member{number}", f"Member Number{number}")


async def create(world: World, request: Request) -> Response:
    who, asked = member(world, request), await body_of(request)
    _check(who, asked)
    text, content = shown(asked["commentary"]), asked.get("content")
    media, extra = _content(world, who, content)
    print_of = json.dumps([text, [item["sha256"] for item in media], extra.get("article")], sort_keys=True)
    for post in () if world.takes_duplicates else world.published("linkedin", who.id):
        if post.extra["print"] == print_of and post.at > world.clock() - LIFE:
            refuse(input_error(422, "DUPLICATE_POST", f"Content is a duplicate of {post.id}"))
    urn = f"urn:li:{'ugcPost' if media and media[0]['kind'] == 'video' else 'share'}:{world.new_id(19)}"
    await world.publish(
        "linkedin", who.id, text, post_id=urn, media=media, url=f"https://www.linkedin.com/feed/update/{urn}/",
        visibility=asked["visibility"], hashtags=hashtags(asked["commentary"]), print=print_of, **extra,
    )  # fmt: skip
    return Response(status_code=201, headers={"x-restli-id": urn})


def _check(who: Identity, asked: dict[str, Any]) -> None:
    fields("", asked, POST, ("author", "commentary", "visibility", "distribution", "lifecycleState"))
    fields("/distribution", asked["distribution"], DISTRIBUTION, ("feedDistribution",))
    if asked["author"] != f"urn:li:person:{who.id}":
        refuse(input_error(403, "ACCESS_DENIED", "author must be the calling member"))
    if asked["visibility"] not in ("PUBLIC", "CONNECTIONS", "LOGGED_IN"):
        refuse(input_error(400, "INVALID_VALUE", "visibility must be PUBLIC, CONNECTIONS or LOGGED_IN"))
    if asked["lifecycleState"] != "PUBLISHED":
        refuse(input_error(400, "INVALID_VALUE", "lifecycleState must be PUBLISHED"))
    if asked["distribution"]["feedDistribution"] not in ("MAIN_FEED", "NONE"):
        refuse(input_error(400, "INVALID_VALUE", "feedDistribution must be MAIN_FEED or NONE"))
    if len(shown(asked["commentary"])) > 3000:
        refuse(input_error(400, "FIELD_LENGTH_TOO_LONG", "commentary is longer than 3000"))
    if not asked["commentary"].strip() and "content" not in asked:
        refuse(input_error(400, "MISSING_FIELD", "a post needs commentary or content"))


def _content(world: World, who: Identity, content: Any) -> tuple[list[dict[str, Any]], dict[str, Any]]:
    """The media of a post in order, and its article."""
    if content is None:
        return [], {}
    kinds = {"media": dict, "article": dict, "multiImage": dict}
    if len(fields("/content", content, kinds, ())) != 1:
        refuse(input_error(400, "INVALID_VALUE", "content must be one of media, article, multiImage"))
    if "media" in content:
        return [_asset(world, who, content["media"], ("image", "video"))], {}
    if "article" in content:
        return _article(world, who, content["article"])
    images = fields("/content/multiImage", content["multiImage"], {"images": list}, ("images",))["images"]
    if not 2 <= len(images) <= 20:
        refuse(input_error(400, "INVALID_VALUE", "multiImage has 2 to 20 images"))
    return [_asset(world, who, each, ("image",)) for each in images], {}


def _article(world: World, who: Identity, given: Any) -> tuple[list[dict[str, Any]], dict[str, Any]]:
    fields("/content/article", given, ARTICLE, ("source", "title"))
    if not given["source"].startswith(("https://", "http://")) or len(given["title"]) > 399:
        refuse(input_error(400, "INVALID_VALUE", "article needs a URL and a title of at most 399 characters"))
    thumbnail = {"id": given.get("thumbnail"), "altText": given.get("thumbnailAltText")}
    kept = {name: value for name, value in thumbnail.items() if value is not None}
    media = [_asset(world, who, kept, ("image",))] if kept else []
    return media, {"article": {name: given[name] for name in ("source", "title", "description") if name in given}}


def _asset(world: World, who: Identity, given: Any, kinds: tuple[str, ...]) -> dict[str, Any]:
    fields("/content/media", given, MEDIA, ("id",))
    asset = world.objects.get(given["id"], {})
    if asset.get("kind") not in kinds:
        refuse(input_error(400, "INVALID_URN_TYPE", f"{given['id']} must be one of {kinds}"))
    if asset["owner"] != who.id:
        refuse(input_error(400, "INVALID_CONTENT_OWNERSHIP", "The media are not the author's"))
    status = status_of(world, asset)
    if status == "PROCESSING_FAILED":
        refuse(input_error(400, "MEDIA_ASSET_PROCESSING_FAILED", "The media cannot be used"))
    # An image may be posted while LinkedIn still works on it, a video may not.
    if status == "WAITING_UPLOAD" or (status == "PROCESSING" and asset["kind"] == "video"):
        refuse(input_error(400, "MEDIA_ASSET_WAITING_UPLOAD", "The media are not uploaded yet"))
    described = {name: given.get(name) for name in ("altText", "title")}
    return {name: asset[name] for name in ("sha256", "size", "mimeType", "kind")} | described


REST, SITE = "api.linkedin.com", "www.linkedin.com"
PART = Part(
    "linkedin",
    (
        SimRoute("GET", SITE, "/oauth/v2/authorization", "page", consent("linkedin")),
        SimRoute("POST", SITE, "/oauth/v2/accessToken", "token", linkedin_oauth.token),
        SimRoute("POST", SITE, "/oauth/v2/introspectToken", "token", linkedin_oauth.introspect),
        SimRoute("POST", SITE, "/oauth/v2/revoke", "token", linkedin_oauth.revoke),
        SimRoute("GET", REST, "/v2/userinfo", "read", linkedin_oauth.userinfo),
        SimRoute("POST", REST, "/rest/images", "upload", linkedin_media.images),
        SimRoute("POST", REST, "/rest/videos", "upload", linkedin_media.videos),
        SimRoute("GET", REST, "/rest/videos/{urn}", "wait", linkedin_media.video_status),
        SimRoute("PUT", SITE, "/dms-uploads/image/{key}", "upload", linkedin_media.put_image),
        SimRoute("PUT", SITE, "/dms-uploads/video/{key}/{number:int}", "upload", linkedin_media.put_part),
        SimRoute("POST", REST, "/rest/posts", "publish", create),
        SimRoute("GET", SITE, "/feed/update/{id}/", "page", post_page("linkedin")),
    ),
    refusal,
    identity,
)
