"""Instagram Login: authorization code for a short-lived token, that for one of sixty days, which is refreshed itself.

developers.facebook.com/docs/instagram-platform/instagram-api-with-instagram-login/business-login, read 2026-11-22.
A revoke endpoint is not documented. Accounts that came by way of Facebook Login bring a Facebook token.
"""

from __future__ import annotations

from typing import Any

from brokers.base import Profile
from brokers.errors import Reply
from brokers.instagram.containers import HOSTS
from brokers.meta_graph import VERSION, id_of, rows_in
from brokers.oauth import Client, OAuth, Tokens
from brokers.platform_http import PlatformHttp

DAY = 86400
#: How every Facebook token begins (assumed); Instagram's own begin with IG.
FACEBOOK_TOKEN = "EAA"


async def exchange(api: PlatformHttp, client: Client, code: str, verifier: str | None) -> Tokens:
    form = {
        "client_id": client.client_id, "client_secret": client.client_secret, "code": code,
        "grant_type": "authorization_code", "redirect_uri": client.redirect_uri,
    }  # fmt: skip
    short = await api.request("POST", "https://api.instagram.com/oauth/access_token", form=form, secret=True)
    # The page shows the answer inside a list, the endpoint was seen to send it bare.
    answer: Any = next(iter(rows_in(short)), None) if "data" in (short.body or {}) else short.body
    asked = {
        "grant_type": "ig_exchange_token",
        "client_secret": client.client_secret,
        "access_token": id_of(Reply(short.status, {}, answer), "access_token"),
    }
    long = await api.request("GET", f"{HOSTS['instagram']}/access_token", params=asked, secret=True)
    return _tokens(long, answer.get("permissions"))


async def refresh(api: PlatformHttp, client: Client, access_token: str, refresh_token: str | None) -> Tokens:
    """A token between 24 hours and 60 days old for a new one of 60 days."""
    asked = {"grant_type": "ig_refresh_token", "access_token": access_token}
    return _tokens(await api.request("GET", f"{HOSTS['instagram']}/refresh_access_token", params=asked, secret=True))


async def profile(api: PlatformHttp, access_token: str) -> list[Profile]:
    """The account of an Instagram token, or the accounts behind the Pages of a Facebook token."""
    if access_token.startswith(FACEBOOK_TOKEN):
        return await _behind_pages(api, access_token)
    asked = {"fields": "user_id,username,name,profile_picture_url,account_type"}
    reply = await api.request("GET", f"{HOSTS['instagram']}/{VERSION}/me", params=asked, token=access_token)
    who = id_of(reply, "user_id")
    return [_profile(who, reply.body, {"login": "instagram", "accountType": reply.body.get("account_type")})]


async def _behind_pages(api: PlatformHttp, access_token: str) -> list[Profile]:
    asked = {"fields": "id,name,access_token,instagram_business_account{id,username,name,profile_picture_url}"}
    url = f"{HOSTS['facebook']}/{VERSION}/me/accounts"
    pages = rows_in(await api.request("GET", url, params=asked, token=access_token))
    return [
        _profile(str(who["id"]), who, {"login": "facebook", "pageId": page.get("id")}, page.get("access_token"))
        for page in pages
        if (who := page.get("instagram_business_account"))
    ]


def _profile(who: str, said: dict[str, Any], metadata: dict[str, Any], token: str | None = None) -> Profile:
    return Profile(who, said.get("username"), said.get("name"), said.get("profile_picture_url"), metadata, token)


def _tokens(reply: Reply, permissions: Any = None) -> Tokens:
    given = permissions.split(",") if isinstance(permissions, str) else permissions
    scopes = tuple(map(str, given)) if given else None
    return Tokens(id_of(reply, "access_token"), expires_in=reply.body.get("expires_in"), scopes=scopes)


OAUTH = OAuth(
    authorize_url="https://www.instagram.com/oauth/authorize",
    scopes=("instagram_business_basic", "instagram_business_content_publish"),
    exchange=exchange,
    refresh=refresh,
    scope_separator=",",
    refreshes_access_token=True,
    refresh_before=10 * DAY,
)
