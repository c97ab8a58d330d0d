"""Facebook Login on the simulator: people, their Pages, and the tokens of both.

Person n manages Page n and Page n + 1000. A token's `identity` is the person's first Page; a user token says so in
`extra["life"]`, short or long, and names the Pages' tokens that were made of it.
"""

from __future__ import annotations

from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from brokers.sandbox.consent import redeem
from brokers.sandbox.facebook_posts import select_nested
from brokers.sandbox.graph import bearer, not_found, only, parameters, refuse
from brokers.sandbox.world import Identity, Token, World

HOUR, DAY = 3600, 86400
FIRST_PAGE, FIRST_PERSON, SECOND = 1_000_000_000_000_000, 5_000_000_000_000_000, 1000
REDEEM = ("client_id", "client_secret", "redirect_uri", "code")
LENGTHEN = ("grant_type", "client_id", "client_secret", "fb_exchange_token")


def identity(number: int) -> Identity:
    return Identity("facebook", str(FIRST_PAGE + number), f"facebook.page.{number}", f"Facebook Page {number}")


def person_of(token: Token) -> str:
    return str(FIRST_PERSON + int(token.identity) - FIRST_PAGE)


async def exchange(world: World, request: Request) -> Response:
    """A code, or a short-lived user token, for a user token."""
    given = dict(request.query_params)
    lengthens = given.get("grant_type") == "fb_exchange_token"
    only(given, LENGTHEN if lengthens else REDEEM)
    if missing := [name for name in (LENGTHEN if lengthens else REDEEM) if not given.get(name)]:
        refuse(101, f"Missing {missing[0]} parameter.")
    if lengthens:
        short = world.token("facebook", given["fb_exchange_token"])
        if short is None or short.extra.get("life") != "short":
            refuse(190, "Error validating access token")
        return _user_token(world, short, "long", 60 * DAY)
    found = redeem(world, "facebook", given["code"], given["client_id"], given["redirect_uri"], None)
    if found is None:
        refuse(100, "This authorization code has been used.", subcode=36009)
    return _user_token(world, found, "short", 2 * HOUR)


def _user_token(world: World, of: Token, life: str, ttl: float) -> Response:
    value = world.issue("facebook", of.identity, "access", of.scopes, ttl, family=of.family, life=life, pages={})
    return JSONResponse({"access_token": value, "token_type": "bearer", "expires_in": int(ttl)})


async def accounts(world: World, request: Request) -> Response:
    """The Pages of a person, each with its token: without expiry when the person's is long-lived."""
    token, given = await bearer(world, "facebook", request, ("pages_show_list",)), await parameters(request)
    only(given, ("fields", "limit", "after", "summary"))
    if "life" not in token.extra:
        refuse(100, "(#100) Tried accessing nonexisting field (accounts) on node type (Page)")
    number = int(token.identity) - FIRST_PAGE
    numbers = [number, number + SECOND]
    start, limit = int(given.get("after", 0)), int(given.get("limit", 25))
    rows = [_page_row(world, token, each, given.get("fields")) for each in numbers[start : start + limit]]
    more = start + limit < len(numbers)
    paging = {"cursors": {"before": str(start), "after": str(start + limit)}} | ({"next": "more"} if more else {})
    return JSONResponse({"data": rows, "paging": paging})


def _page_row(world: World, token: Token, number: int, fields: str | None) -> dict[str, Any]:
    who = world.identity("facebook", number)
    ttl = None if token.extra["life"] == "long" else 2 * HOUR
    pages = token.extra["pages"]
    if who.id not in pages:
        pages[who.id] = world.issue("facebook", who.id, "access", token.scopes, ttl, family=token.family)
    other = world.identity("instagram", number)
    instagram = {"id": other.id, "username": other.username, "name": other.name}
    shown = _page(who) | {"access_token": pages[who.id], "instagram_business_account": instagram}
    return select_nested(shown, fields or "id,name,access_token,category,tasks")


def _page(who: Identity) -> dict[str, Any]:
    picture = {"data": {"url": f"https://graph.facebook.com/{who.id}/picture", "is_silhouette": False}}
    return {
        "id": who.id, "name": who.name, "username": who.username, "category": "Community", "picture": picture,
        "link": f"https://www.facebook.com/{who.username}", "tasks": ["CREATE_CONTENT", "MANAGE"],
    }  # fmt: skip


def view_identity(world: World, token: Token, asked: str, fields: str | None) -> dict[str, Any] | None:
    """`me`, a Page or a person by id; None for anything else. A Page without its own token shows no token."""
    person = "life" in token.extra
    if person and asked in ("me", person_of(token)):
        return select_nested({"id": person_of(token), "name": f"Person of {token.identity}"}, fields or "name")
    who = world.identities.get(("facebook", token.identity if asked == "me" else asked))
    return select_nested(_page(who), fields or "name") if who else None


async def revoke(world: World, request: Request) -> Response:
    token = await bearer(world, "facebook", request, ())
    if "life" not in token.extra or request.path_params["user"] not in ("me", person_of(token)):
        not_found(request.path_params["user"])
    world.revoke_family(token.family)
    return JSONResponse({"success": True})
