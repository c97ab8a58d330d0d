"""LinkedIn: authorization code for a token of sixty days; a refresh token only for apps that LinkedIn approved.

learn.microsoft.com/linkedin/shared/authentication/authorization-code-flow, .../programmatic-refresh-tokens and
learn.microsoft.com/linkedin/consumer/integrations/self-serve/sign-in-with-linkedin-v2, read 2026-11-22. Revocation is
on no page that was read (assumed).
"""

from __future__ import annotations

from typing import Any

from brokers.base import Profile
from brokers.errors import PlatformError, Reply, Unclear
from brokers.oauth import Client, OAuth, Tokens
from brokers.platform_http import PlatformHttp

HOST = "https://www.linkedin.com/oauth/v2"
DAY = 86400
#: The userinfo claims that are kept with an account -> their names there.
CLAIMS = {
    "sub": "sub", "name": "name", "given_name": "givenName", "family_name": "familyName", "locale": "locale",
    "email": "email", "email_verified": "emailVerified",
}  # fmt: skip


async def exchange(api: PlatformHttp, client: Client, code: str, verifier: str | None) -> Tokens:
    form = {"grant_type": "authorization_code", "code": code, "redirect_uri": client.redirect_uri}
    return _tokens(await _ask(api, client, "accessToken", form))


async def refresh(api: PlatformHttp, client: Client, access_token: str, refresh_token: str | None) -> Tokens:
    if refresh_token is None:
        raise PlatformError(
            "LinkedIn gave no refresh token for this app, so the access cannot be renewed silently.",
            kind="auth", broker_code="REFRESH_TOKEN_EXPIRED", hint="Connect the LinkedIn account again.",
        )  # fmt: skip
    form = {"grant_type": "refresh_token", "refresh_token": refresh_token}
    return _tokens(await _ask(api, client, "accessToken", form))


async def revoke(api: PlatformHttp, client: Client, access_token: str, refresh_token: str | None) -> None:
    await _ask(api, client, "revoke", {"token": access_token})


async def profile(api: PlatformHttp, access_token: str) -> list[Profile]:
    reply = await api.request("GET", "https://api.linkedin.com/v2/userinfo", token=access_token)
    claims = reply.body if isinstance(reply.body, dict) else {}
    if not claims.get("sub"):
        raise Unclear("a profile without sub")
    oidc = {name: claims[claim] for claim, name in CLAIMS.items() if claims.get(claim) is not None}
    return [Profile(str(claims["sub"]), None, claims.get("name"), claims.get("picture"), {"oidc": oidc})]


async def _ask(api: PlatformHttp, client: Client, what: str, form: dict[str, Any]) -> Reply:
    whole = form | {"client_id": client.client_id, "client_secret": client.client_secret}
    return await api.request("POST", f"{HOST}/{what}", form=whole, secret=True)


def _tokens(reply: Reply) -> Tokens:
    said = reply.body
    if not isinstance(said, dict) or not isinstance(said.get("access_token"), str):
        raise Unclear("a token answer without a token")
    scopes = tuple(str(said["scope"]).replace(",", " ").split()) if said.get("scope") else None
    return Tokens(
        said["access_token"], said.get("refresh_token"), said.get("expires_in"), said.get("refresh_token_expires_in"),
        scopes,
    )  # fmt: skip


OAUTH = OAuth(
    authorize_url=f"{HOST}/authorization",
    scopes=("openid", "profile", "email", "w_member_social"),
    exchange=exchange,
    refresh=refresh,
    revoke=revoke,
    refresh_before=5 * DAY,
)
