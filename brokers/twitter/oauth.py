"""X: authorization code with PKCE; access tokens live two hours, refresh tokens are good once.

docs.x.com/fundamentals/authentication/oauth-2-0/user-access-token, read 2026-11-22.
"""

from __future__ import annotations

import base64
from typing import Any

from brokers.base import Profile
from brokers.errors import PlatformError, Reply, Unclear
from brokers.oauth import Client, OAuth, Tokens
from brokers.platform_http import PlatformHttp

API = "https://api.x.com/2"


async def exchange(api: PlatformHttp, client: Client, code: str, verifier: str | None) -> Tokens:
    form = {
        "grant_type": "authorization_code",
        "code": code,
        "redirect_uri": client.redirect_uri,
        "code_verifier": verifier,
    }
    return _tokens(await _ask(api, client, "token", form))


async def refresh(api: PlatformHttp, client: Client, access_token: str, refresh_token: str | None) -> Tokens:
    """Uses the refresh token up: the answer's one must be stored before anything else happens."""
    if refresh_token is None:
        raise PlatformError(
            "X gave no refresh token for this account.", kind="auth", broker_code="REFRESH_TOKEN_EXPIRED",
            hint="Connect the X account again and allow offline access.",
        )  # fmt: skip
    return _tokens(await _ask(api, client, "token", {"grant_type": "refresh_token", "refresh_token": refresh_token}))


async def revoke(api: PlatformHttp, client: Client, access_token: str, refresh_token: str | None) -> None:
    for hint, token in (("refresh_token", refresh_token), ("access_token", access_token)):
        if token:
            await _ask(api, client, "revoke", {"token": token, "token_type_hint": hint})


async def profile(api: PlatformHttp, access_token: str) -> list[Profile]:
    asked = {"user.fields": "profile_image_url,protected,verified_type"}
    reply = await api.request("GET", f"{API}/users/me", params=asked, token=access_token)
    said = reply.body.get("data") if isinstance(reply.body, dict) else None
    if not isinstance(said, dict) or "id" not in said:
        raise Unclear("a profile without an id")
    shown = {"protected": said.get("protected"), "verifiedType": said.get("verified_type")}
    return [Profile(str(said["id"]), said.get("username"), said.get("name"), said.get("profile_image_url"),
                    {name: value for name, value in shown.items() if value is not None})]  # fmt: skip


async def _ask(api: PlatformHttp, client: Client, what: str, form: dict[str, Any]) -> Reply:
    """A confidential client proves itself in the header, a public one only names itself."""
    headers = {}
    if client.client_secret:
        pair = f"{client.client_id}:{client.client_secret}".encode()
        headers["authorization"] = f"Basic {base64.b64encode(pair).decode()}"
    else:
        form = form | {"client_id": client.client_id}
    return await api.request("POST", f"{API}/oauth2/{what}", form=form, headers=headers, secret=True)


def _tokens(reply: Reply) -> Tokens:
    said = reply.body
    if not isinstance(said, dict) or not isinstance(said.get("access_token"), str):
        raise Unclear("a token answer without a token")
    scopes = tuple(str(said["scope"]).split()) if said.get("scope") else None
    return Tokens(said["access_token"], said.get("refresh_token"), said.get("expires_in"), scopes=scopes)


OAUTH = OAuth(
    authorize_url="https://x.com/i/oauth2/authorize",
    scopes=("tweet.read", "tweet.write", "users.read", "media.write", "offline.access"),
    exchange=exchange,
    refresh=refresh,
    revoke=revoke,
    pkce="S256",
    rotates=True,
)
