"""Tokens of the simulated Threads and Instagram logins: a code, one hour, then sixty days at a time."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from brokers.sandbox.consent import redeem
from brokers.sandbox.graph import bearer, only, parameters, refuse
from brokers.sandbox.world import SimRoute, Token, World

HOUR, DAY = 3600, 86400
REDEEM = ("client_id", "client_secret", "code", "grant_type", "redirect_uri")


def token_routes(
    platform: str, code_host: str, graph_host: str, prefix: str, answer: Callable[[str, Token], dict[str, Any]]
) -> tuple[SimRoute, ...]:
    """The three token endpoints. Grants are `{prefix}_exchange_token` and `{prefix}_refresh_token`; `answer` is the
    body of a code's redemption, made of the short-lived token and whose it is."""

    async def redeem_code(world: World, request: Request) -> Response:
        given = await parameters(request)
        if given.get("grant_type") != "authorization_code" or not given.get("client_secret") or set(given) - set(REDEEM):
            return _no_exchange("Invalid grant_type, client_secret or parameter.")
        found = redeem(world, platform, given.get("code"), given.get("client_id"), given.get("redirect_uri"), None)
        if found is None:
            return _no_exchange("This authorization code has been used or does not exist.")
        value = world.issue(platform, found.identity, "access", found.scopes, HOUR, family=found.family, life="short")
        return JSONResponse(answer(value, found))

    async def lengthen(world: World, request: Request) -> Response:
        token, given = await bearer(world, platform, request, ()), await parameters(request)
        only(given, ("grant_type", "client_secret"))
        if given.get("grant_type") != f"{prefix}_exchange_token" or not given.get("client_secret"):
            refuse(100, "(#100) grant_type and client_secret are required")
        if token.extra.get("life") != "short":
            refuse(190, "Error validating access token: not a short-lived token")
        return _long(world, token)

    async def refresh(world: World, request: Request) -> Response:
        token, given = await bearer(world, platform, request, ()), await parameters(request)
        only(given, ("grant_type",))
        if given.get("grant_type") != f"{prefix}_refresh_token":
            refuse(100, "(#100) grant_type is wrong")
        if token.extra.get("life") == "short" or world.clock() < token.extra.get("issued_at", 0) + DAY:
            refuse(190, "Error validating access token: it must be long-lived and older than 24 hours")
        return _long(world, token)

    return (
        SimRoute("POST", code_host, "/oauth/access_token", "token", redeem_code),
        SimRoute("GET", graph_host, "/access_token", "token", lengthen),
        SimRoute("GET", graph_host, "/refresh_access_token", "token", refresh),
    )


def _no_exchange(message: str) -> Response:
    return JSONResponse({"error_type": "OAuthException", "code": 400, "error_message": message}, 400)


def _long(world: World, token: Token) -> Response:
    value = world.issue(
        token.platform, token.identity, "access", token.scopes, 60 * DAY, family=token.family, issued_at=world.clock()
    )
    return JSONResponse({"access_token": value, "token_type": "bearer", "expires_in": 60 * DAY})
