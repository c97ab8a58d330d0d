"""X's tokens on the simulator: PKCE, refresh tokens that are good once, and revocation."""

from __future__ import annotations

import base64
import binascii
from typing import NoReturn

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from brokers.sandbox.consent import redeem
from brokers.sandbox.world import SimRefusal, Token, World

ACCESS_LIFE, REFRESH_LIFE = 7200, 183 * 86400


async def token(world: World, request: Request) -> Response:
    client_id, form = await _client(request)
    if form.get("grant_type") == "refresh_token":
        return _refresh(world, client_id, form.get("refresh_token"))
    if form.get("grant_type") != "authorization_code":
        _refuse("unsupported_grant_type", "grant_type must be authorization_code or refresh_token")
    if not form.get("code_verifier"):
        _refuse("invalid_request", "Missing required parameter [code_verifier].")
    found = redeem(world, "twitter", form.get("code"), client_id, form.get("redirect_uri"), form["code_verifier"])
    if found is None or not found.extra["challenge"]:
        _refuse("invalid_request", "Value passed for the authorization code was invalid.")
    return _granted(world, client_id, found)


def _refresh(world: World, client_id: str, value: str | None) -> Response:
    found = world.token("twitter", value, "refresh")
    if found is None or found.extra["client_id"] != client_id:
        _refuse("invalid_request", "Value passed for the token was invalid.")
    if found.extra.get("used"):
        world.revoke_family(found.family)
        _refuse("invalid_request", "Value passed for the token was invalid.")
    found.extra["used"] = True
    return _granted(world, client_id, found)


def _granted(world: World, client_id: str, basis: Token) -> Response:
    access = world.issue("twitter", basis.identity, "access", basis.scopes, ACCESS_LIFE, family=basis.family)
    answer = {
        "token_type": "bearer",
        "expires_in": ACCESS_LIFE,
        "access_token": access,
        "scope": " ".join(basis.scopes),
    }
    if "offline.access" in basis.scopes:
        answer["refresh_token"] = world.issue(
            "twitter", basis.identity, "refresh", basis.scopes, REFRESH_LIFE, family=basis.family, client_id=client_id
        )
    return JSONResponse(answer)


async def revoke(world: World, request: Request) -> Response:
    _, form = await _client(request)
    if not form.get("token"):
        _refuse("invalid_request", "Missing required parameter [token].")
    gone = world.tokens.pop(form["token"], None)
    if gone is not None and gone.kind == "refresh":
        world.revoke_family(gone.family)
    return JSONResponse({"revoked": True})


async def _client(request: Request) -> tuple[str, dict[str, str]]:
    """The client's id and the form: a confidential client in the Basic header, a public one by `client_id`."""
    form = {name: str(value) for name, value in (await request.form()).items()}
    scheme, _, pair = request.headers.get("authorization", "").partition(" ")
    if scheme == "Basic":
        try:
            client_id, _, secret = base64.b64decode(pair, validate=True).decode().partition(":")
        except (binascii.Error, UnicodeDecodeError):
            client_id = secret = ""
        if not client_id or not secret:
            _refuse("unauthorized_client", "Missing valid authorization header", 401)
        return client_id, form
    if not form.get("client_id"):
        _refuse("unauthorized_client", "Missing valid authorization header", 401)
    return form["client_id"], form


def _refuse(error: str, description: str, status: int = 400) -> NoReturn:
    raise SimRefusal(JSONResponse({"error": error, "error_description": description}, status))
