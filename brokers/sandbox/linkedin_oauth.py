"""LinkedIn's tokens and OpenID profile on the simulator. Clients whose id ends in `-refresh` are approved for refresh
tokens, as few are."""

from __future__ import annotations

from typing import NoReturn

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from brokers.sandbox.consent import redeem
from brokers.sandbox.linkedin_caller import caller
from brokers.sandbox.world import SimRefusal, Token, World

ACCESS_LIFE, REFRESH_LIFE = 5_184_000, 31_536_000


async def token(world: World, request: Request) -> Response:
    form = await _form(request)
    if form.get("grant_type") == "refresh_token":
        found = world.token("linkedin", form.get("refresh_token"), "refresh")
        if found is None or found.extra["client_id"] != form["client_id"]:
            _refuse("invalid_request", "The refresh token is invalid, expired or revoked.")
        return _granted(world, form["client_id"], found, str(form["refresh_token"]))
    if form.get("grant_type") != "authorization_code":
        _refuse("unsupported_grant_type", "grant_type must be authorization_code or refresh_token")
    found = redeem(world, "linkedin", form.get("code"), form["client_id"], form.get("redirect_uri"), None)
    if found is None:
        _refuse("invalid_request", "Unable to retrieve access token: appid/redirect uri/code verifier does not match.")
    return _granted(world, form["client_id"], found, None)


def _granted(world: World, client_id: str, basis: Token, refresh: str | None) -> Response:
    """A new access token. The refresh token stays the same, and its life is not extended."""
    access = world.issue("linkedin", basis.identity, "access", basis.scopes, ACCESS_LIFE, family=basis.family)
    answer = {"access_token": access, "expires_in": ACCESS_LIFE, "scope": ",".join(sorted(basis.scopes)),
              "token_type": "Bearer"}  # fmt: skip
    if refresh is None and client_id.endswith("-refresh"):
        refresh = world.issue(
            "linkedin", basis.identity, "refresh", basis.scopes, REFRESH_LIFE, family=basis.family, client_id=client_id
        )
    if refresh is not None:
        left = (world.tokens[refresh].expires_at or 0) - world.clock()
        answer |= {"refresh_token": refresh, "refresh_token_expires_in": int(left)}
    return JSONResponse(answer)


async def introspect(world: World, request: Request) -> Response:
    form = await _form(request)
    found = world.token("linkedin", form.get("token"))
    if found is None:
        return JSONResponse({"active": False, "status": "revoked"})
    return JSONResponse({"active": True, "status": "active", "scope": ",".join(found.scopes), "auth_type": "3L",
                         "client_id": form["client_id"], "expires_at": int(found.expires_at or 0)})  # fmt: skip


async def revoke(world: World, request: Request) -> Response:
    gone = world.tokens.get((await _form(request)).get("token", ""))
    if gone is not None:
        world.revoke_family(gone.family)
    return Response(status_code=200)


async def userinfo(world: World, request: Request) -> Response:
    who = caller(world, request, "openid")
    given, _, family = who.name.partition(" ")
    return JSONResponse(
        {"sub": who.id, "name": who.name, "given_name": given, "family_name": family, "email_verified": True,
         "picture": f"https://media.licdn.com/{who.id}.jpg", "locale": {"country": "US", "language": "en"},
         "email": f"{who.username}@example.com"}
    )  # fmt: skip


async def _form(request: Request) -> dict[str, str]:
    form = {name: str(value) for name, value in (await request.form()).items()}
    if not form.get("client_id") or not form.get("client_secret"):
        _refuse("invalid_client", "Client authentication failed", 401)
    return form


def _refuse(error: str, description: str, status: int = 400) -> NoReturn:
    raise SimRefusal(JSONResponse({"error": error, "error_description": description}, status))
