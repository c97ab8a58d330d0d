"""Google's OAuth for YouTube: access tokens of an hour, a refresh token that does not rotate.

developers.google.com/identity/protocols/oauth2/web-server (assumed, stable values); scopes from the discovery
document of 2026-11-04.
"""

from __future__ import annotations

from typing import Any

from brokers.base import Profile
from brokers.errors import PlatformError, Reply, Unclear
from brokers.oauth import Client, OAuth, Tokens
from brokers.platform_http import PlatformHttp

TOKENS = "https://oauth2.googleapis.com"
API = "https://www.googleapis.com/youtube/v3"


async def exchange(api: PlatformHttp, client: Client, code: str, verifier: str | None) -> Tokens:
    form = {
        "grant_type": "authorization_code", "code": code, "client_id": client.client_id,
        "client_secret": client.client_secret, "redirect_uri": client.redirect_uri,
    }  # fmt: skip
    return await _tokens(api, form | ({"code_verifier": verifier} if verifier else {}))


async def refresh(api: PlatformHttp, client: Client, access_token: str, refresh_token: str | None) -> Tokens:
    if refresh_token is None:
        raise PlatformError(
            "Google gave no refresh token for this account.", kind="auth", broker_code="REFRESH_TOKEN_EXPIRED",
            hint="Connect the YouTube account again.",
        )  # fmt: skip
    form = {
        "grant_type": "refresh_token", "refresh_token": refresh_token, "client_id": client.client_id,
        "client_secret": client.client_secret,
    }  # fmt: skip
    return await _tokens(api, form)


async def revoke(api: PlatformHttp, client: Client, access_token: str, refresh_token: str | None) -> None:
    """Either token ends the whole grant."""
    form = {"token": refresh_token or access_token}
    await api.request("POST", f"{TOKENS}/revoke", form=form, secret=True)


async def profile(api: PlatformHttp, access_token: str) -> list[Profile]:
    """The channels of the Google account that was chosen: developers.google.com/youtube/v3/docs/channels/list."""
    asked = {"part": "snippet", "mine": "true"}
    channels = items_of(await api.request("GET", f"{API}/channels", params=asked, token=access_token))
    if not channels:
        raise PlatformError(
            "This Google account has no YouTube channel.", kind="identity", broker_code="PROFILE_FETCH_FAILED",
            hint="Create a channel at youtube.com/create_channel, then connect the account again.",
        )  # fmt: skip
    return [_profile(channel) for channel in channels]


def items_of(reply: Reply) -> list[dict[str, Any]]:
    """The `items` of a listing, which Google leaves out when there are none."""
    if not isinstance(reply.body, dict) or not isinstance(reply.body.get("items", []), list):
        raise Unclear(f"HTTP {reply.status} without a list")
    return [item for item in reply.body.get("items", []) if isinstance(item, dict)]


def _profile(channel: dict[str, Any]) -> Profile:
    snippet = channel.get("snippet") or {}
    handle = str(snippet.get("customUrl") or "").lstrip("@") or None
    picture = ((snippet.get("thumbnails") or {}).get("default") or {}).get("url")
    return Profile(str(channel["id"]), handle, snippet.get("title"), picture)


async def _tokens(api: PlatformHttp, form: dict[str, str]) -> Tokens:
    said = (await api.request("POST", f"{TOKENS}/token", form=form, secret=True)).body
    if not isinstance(said, dict) or not isinstance(said.get("access_token"), str):
        raise Unclear("a token answer without a token")
    scopes = tuple(str(said["scope"]).split()) if said.get("scope") else None
    return Tokens(said["access_token"], said.get("refresh_token"), said.get("expires_in"), scopes=scopes)


OAUTH = OAuth(
    authorize_url="https://accounts.google.com/o/oauth2/v2/auth",
    scopes=("https://www.googleapis.com/auth/youtube.upload", "https://www.googleapis.com/auth/youtube"),
    exchange=exchange,
    refresh=refresh,
    revoke=revoke,
    # Google hands out a refresh token only for offline access, and again only when it asks for consent again.
    authorize_params={"access_type": "offline", "prompt": "consent", "include_granted_scopes": "true"},
    pkce="S256",
)
