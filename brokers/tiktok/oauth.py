"""TikTok's OAuth: short access tokens, refresh tokens that are good once.

developers.tiktok.com/docs/en/oauth-refresh-a-user-access-token (last updated 2026-11-02) and
developers.tiktok.com/doc/oauth-user-access-token-management, read 2026-11-22. The pages disagree on lifetimes, so only
what an answer says counts.
"""

from __future__ import annotations

from brokers.base import Profile
from brokers.errors import NotSent, PlatformError, Unclear
from brokers.oauth import Client, OAuth, Tokens
from brokers.platform_http import PlatformHttp
from brokers.tiktok.api import API, data_of
from brokers.tiktok.creator import ask_creator


async def exchange(api: PlatformHttp, client: Client, code: str, verifier: str | None) -> Tokens:
    form = {"grant_type": "authorization_code", "code": code, "redirect_uri": client.redirect_uri}
    return await _tokens(api, client, form)


async def refresh(api: PlatformHttp, client: Client, access_token: str, refresh_token: str | None) -> Tokens:
    """Uses the refresh token up: the answer's one must be stored before anything else happens."""
    if refresh_token is None:
        raise PlatformError(
            "TikTok gave no refresh token for this account.", kind="auth", broker_code="REFRESH_TOKEN_EXPIRED",
            hint="Connect the TikTok account again.",
        )  # fmt: skip
    return await _tokens(api, client, {"grant_type": "refresh_token", "refresh_token": refresh_token})


async def revoke(api: PlatformHttp, client: Client, access_token: str, refresh_token: str | None) -> None:
    form = {"client_key": client.client_id, "client_secret": client.client_secret, "token": access_token}
    await api.request("POST", f"{API}/oauth/revoke/", form=form, secret=True)


async def profile(api: PlatformHttp, access_token: str) -> list[Profile]:
    """developers.tiktok.com/doc/tiktok-api-v2-get-user-info; the username comes with what the creator allows."""
    asked = {"fields": "open_id,union_id,avatar_url,display_name"}
    user = data_of(await api.request("GET", f"{API}/user/info/", params=asked, token=access_token)).get("user")
    if not isinstance(user, dict) or not user.get("open_id"):
        raise Unclear("a profile without an id")
    try:
        creator = await ask_creator(api, access_token)
    except (NotSent, Unclear, PlatformError):
        creator = {}
    shown = {
        "privacyLevelOptions": creator.get("privacy"), "disabledInteractions": creator.get("disabled"),
        "maxVideoSeconds": creator.get("max_seconds"),
    }  # fmt: skip
    metadata = {name: value for name, value in shown.items() if value is not None}
    username, picture = creator.get("username"), user.get("avatar_url")
    return [Profile(str(user["open_id"]), username, user.get("display_name"), picture, metadata)]


async def _tokens(api: PlatformHttp, client: Client, form: dict[str, str]) -> Tokens:
    form = {"client_key": client.client_id, "client_secret": client.client_secret, **form}
    said = (await api.request("POST", f"{API}/oauth/token/", form=form, secret=True)).body
    if not isinstance(said, dict) or not isinstance(said.get("access_token"), str):
        raise Unclear("a token answer without a token")
    scopes = tuple(scope for scope in str(said["scope"]).split(",") if scope) if said.get("scope") else None
    return Tokens(said["access_token"], said.get("refresh_token"), said.get("expires_in"), said.get("refresh_expires_in"), scopes)


OAUTH = OAuth(
    authorize_url="https://www.tiktok.com/v2/auth/authorize/",
    scopes=("user.info.basic", "video.publish"),
    exchange=exchange,
    refresh=refresh,
    revoke=revoke,
    client_id_param="client_key",
    scope_separator=",",
    rotates=True,
)
