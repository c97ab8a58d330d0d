"""Facebook Login: authorization code, user token, long-lived user token, and from that the Pages' own tokens.

developers.facebook.com/docs/facebook-login/guides/access-tokens/get-long-lived, by third-party digests of 2026-11-22. A
Page token that comes of a long-lived user token does not expire, so no lifetime is answered; it ends when the person
changes the password or loses the role, and only a new login mends that. The user token is kept as `refresh_token`,
although nothing refreshes: it lists the Pages to choose from, and takes the grant back.
"""

from __future__ import annotations

from typing import Any

from brokers.base import Profile
from brokers.errors import PlatformError
from brokers.meta_graph import VERSION, id_of, rows_in
from brokers.oauth import Client, OAuth, Tokens
from brokers.platform_http import PlatformHttp

GRAPH = f"https://graph.facebook.com/{VERSION}"
PAGE_FIELDS = "id,name,username,category,picture{url}"
#: Pages a request, and requests at most.
LIMIT, REQUESTS = 100, 20


async def exchange(api: PlatformHttp, client: Client, code: str, verifier: str | None) -> Tokens:
    app = {"client_id": client.client_id, "client_secret": client.client_secret}
    asked = app | {"redirect_uri": client.redirect_uri, "code": code}
    short = id_of(await api.request("GET", f"{GRAPH}/oauth/access_token", params=asked, secret=True), "access_token")
    asked = app | {"grant_type": "fb_exchange_token", "fb_exchange_token": short}
    long = id_of(await api.request("GET", f"{GRAPH}/oauth/access_token", params=asked, secret=True), "access_token")
    return Tokens(long, refresh_token=long)


async def revoke(api: PlatformHttp, client: Client, access_token: str, refresh_token: str | None) -> None:
    """Takes back all that the person granted to this app (assumed: the edge is known, its page was not read)."""
    await api.request("DELETE", f"{GRAPH}/me/permissions", token=refresh_token or access_token)


async def profile(api: PlatformHttp, access_token: str) -> list[Profile]:
    """The Pages of a user token, each with its own token, or the one Page of a Page token."""
    try:
        pages = await _pages(api, access_token)
    except PlatformError as error:
        if error.platform_code != "100":  # a Page has no `accounts`
            raise
        reply = await api.request("GET", f"{GRAPH}/me", params={"fields": PAGE_FIELDS}, token=access_token)
        return [_profile(id_of(reply), reply.body)]
    found = [_profile(str(page["id"]), page) for page in pages if page.get("id") and page.get("access_token")]
    if not found:
        raise PlatformError(
            "This login gives access to no Facebook Page.", kind="identity", broker_code="PROFILE_FETCH_FAILED",
            hint="Connect again and choose at least one Page that you manage.",
        )  # fmt: skip
    return found


async def _pages(api: PlatformHttp, access_token: str) -> list[dict[str, Any]]:
    pages: list[dict[str, Any]] = []
    asked = {"fields": f"{PAGE_FIELDS},access_token", "limit": str(LIMIT)}
    for _ in range(REQUESTS):
        reply = await api.request("GET", f"{GRAPH}/me/accounts", params=asked, token=access_token)
        pages += rows_in(reply)
        paging = reply.body.get("paging") or {}
        if not paging.get("next"):
            break
        asked["after"] = paging["cursors"]["after"]
    return pages


def _profile(who: str, said: dict[str, Any]) -> Profile:
    picture = ((said.get("picture") or {}).get("data") or {}).get("url")
    metadata = {"category": said["category"]} if said.get("category") else {}
    return Profile(who, said.get("username"), said.get("name"), picture, metadata, said.get("access_token"))


OAUTH = OAuth(
    authorize_url=f"https://www.facebook.com/{VERSION}/dialog/oauth",
    scopes=("pages_show_list", "pages_read_engagement", "pages_manage_posts", "business_management"),
    exchange=exchange,
    revoke=revoke,
    scope_separator=",",
)
