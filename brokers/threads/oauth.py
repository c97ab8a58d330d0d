"""Threads: authorization code for a short-lived token, that for one of sixty days, which is refreshed itself.

developers.facebook.com/docs/threads/get-started and Meta's Threads Postman collection, read 2026-11-22.
A revoke endpoint is not documented.
"""

from __future__ import annotations

from brokers.base import Profile
from brokers.errors import Reply
from brokers.meta_graph import id_of
from brokers.oauth import Client, OAuth, Tokens
from brokers.platform_http import PlatformHttp

HOST = "https://graph.threads.net"
DAY = 86400


async def exchange(api: PlatformHttp, client: Client, code: str, verifier: str | None) -> Tokens:
    form = {
        "client_id": client.client_id, "client_secret": client.client_secret, "code": code,
        "grant_type": "authorization_code", "redirect_uri": client.redirect_uri,
    }  # fmt: skip
    short = await api.request("POST", f"{HOST}/oauth/access_token", form=form, secret=True)
    asked = {
        "grant_type": "th_exchange_token",
        "client_secret": client.client_secret,
        "access_token": id_of(short, "access_token"),
    }
    return _tokens(await api.request("GET", f"{HOST}/access_token", params=asked, secret=True))


async def refresh(api: PlatformHttp, client: Client, access_token: str, refresh_token: str | None) -> Tokens:
    """A token between 24 hours and 60 days old for a new one of 60 days."""
    asked = {"grant_type": "th_refresh_token", "access_token": access_token}
    return _tokens(await api.request("GET", f"{HOST}/refresh_access_token", params=asked, secret=True))


async def profile(api: PlatformHttp, access_token: str) -> list[Profile]:
    asked = {"fields": "id,username,name,threads_profile_picture_url"}
    reply = await api.request("GET", f"{HOST}/v1.0/me", params=asked, token=access_token)
    who = id_of(reply)
    said = reply.body
    return [Profile(who, said.get("username"), said.get("name"), said.get("threads_profile_picture_url"))]


def _tokens(reply: Reply) -> Tokens:
    return Tokens(id_of(reply, "access_token"), expires_in=reply.body.get("expires_in"))


OAUTH = OAuth(
    authorize_url="https://threads.net/oauth/authorize",
    scopes=("threads_basic", "threads_content_publish"),
    exchange=exchange,
    refresh=refresh,
    scope_separator=",",
    refreshes_access_token=True,
    refresh_before=10 * DAY,
)
