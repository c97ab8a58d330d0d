"""The Graph API of one Page: its requests, its links, and its listings."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, TypeVar
from urllib.parse import urljoin

from brokers.base import Account, Sighting
from brokers.errors import NotSent, PlatformError, Reply, Unclear
from brokers.files import FormFile
from brokers.meta_graph import VERSION, rows_in
from brokers.platform_http import PlatformHttp

GRAPH = f"https://graph.facebook.com/{VERSION}"
SITE = "https://www.facebook.com/"
T = TypeVar("T")


@dataclass(frozen=True)
class Page:
    """A Page and the connection to it. `at(fresh)` is the same Page on another connection."""

    api: PlatformHttp
    account: Account

    @property
    def id(self) -> str:
        return self.account.platform_account_id

    @property
    def token(self) -> str:
        return self.account.access_token

    def at(self, api: PlatformHttp) -> Page:
        return Page(api, self.account)

    async def send(self, edge: str, form: dict[str, Any], file: FormFile | None = None) -> Reply:
        """Posts to an edge of the Page; values that are None are left out."""
        given = {name: value for name, value in form.items() if value is not None}
        return await self.api.request("POST", f"{GRAPH}/{self.id}/{edge}", form=given, file=file, token=self.token)

    async def read(self, node: str, fields: str) -> dict[str, Any]:
        reply = await self.api.request("GET", f"{GRAPH}/{node}", params={"fields": fields}, token=self.token)
        if not isinstance(reply.body, dict):
            raise Unclear("an answer that is not an object")
        return reply.body

    async def list(self, edge: str, fields: str, limit: int = 25) -> list[dict[str, Any]]:
        asked = {"fields": fields, "limit": str(limit)}
        return rows_in(await self.api.request("GET", f"{GRAPH}/{self.id}/{edge}", params=asked, token=self.token))

    async def link_of(self, node: str, otherwise: str) -> str:
        """The link of a post or video; the one made of `otherwise` when Facebook does not name it."""
        try:
            found = (await self.read(node, "permalink_url")).get("permalink_url")
        except (NotSent, Unclear, PlatformError):
            found = None
        return self.link(found or otherwise)

    def link(self, path: str) -> str:
        """A link for a person. Facebook names videos by a path alone."""
        return self.api.link(urljoin(SITE, path))


async def unless_seen(sending: Awaitable[T], look: Callable[[], Awaitable[Sighting]]) -> T:
    """The answer of the one request. A refusal that may hide a success (an error in between, "posted already") counts
    only when a look does not find the post: `may_have_posted` is set otherwise."""
    try:
        return await sending
    except PlatformError as refusal:
        if refusal.kind in ("transient", "content", "unknown"):
            refusal.may_have_posted = await _is_seen(look)
        raise


async def _is_seen(look: Callable[[], Awaitable[Sighting]]) -> bool:
    try:
        return (await look()).state in ("published", "pending")
    except (NotSent, Unclear, PlatformError):
        return False


def confirm(reply: Reply) -> dict[str, Any]:
    """The body of an answer that says `success`; Unclear when it does not."""
    if not isinstance(reply.body, dict) or not reply.body.get("success"):
        raise Unclear(f"HTTP {reply.status} without success")
    return reply.body
