"""Meta's container protocol, which Instagram and Threads share: a container for the post (and one for each item of a
carousel), a wait until the platform has fetched the media, then the one request that makes the post public.

The platforms' own modules name the pages this is read from.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from brokers.base import NOT_SEEN, PENDING, Account, Attempt, Draft, Media, Receipt, Sighting, Steps
from brokers.errors import NotSent, PlatformError, Unclear
from brokers.meta_graph import id_of, rows_in, seen_in
from brokers.platform_http import PlatformHttp

#: The container is the proof: when no listing has shown its post after this time, its own id stands for the post's.
LISTING_LAG = timedelta(seconds=30)
Fields = dict[str, str]


@dataclass(frozen=True)
class Containers:
    """How a platform names the parts of the container protocol.

    base:       the address of the API for an account, without a slash at the end.
    item:       the fields of the container of a carousel's item.
    post:       the fields of the container that is published, given its items' containers.
    edge:       the edge of an account that makes a container.
    release:    the edge of an account that makes a container public, given its `creation_id`.
    status:     a container's field with IN_PROGRESS, FINISHED, PUBLISHED, ERROR or EXPIRED.
    said:       a container's field that explains its status.
    text:       a post's field with its text.
    profile:    the address of a person's page, with `{}` for the name.
    refusal:    what a container's status ERROR or EXPIRED and its explanation mean.
    poll:       seconds between looks at a container.
    processing: seconds until the platform has had its time (it fetches and transcodes by itself).
    """

    base: Callable[[Account], str]
    item: Callable[[Media], Awaitable[Fields]]
    post: Callable[[Draft, list[str]], Awaitable[Fields]]
    edge: str
    release: str
    status: str
    said: str
    text: str
    profile: str
    refusal: Callable[[str, str], PlatformError]
    poll: float
    processing: float

    def url(self, account: Account, *path: str) -> str:
        return "/".join((self.base(account), *path))


async def publish(of: Containers, api: PlatformHttp, account: Account, draft: Draft, steps: Steps) -> Receipt:
    """Builds the containers, waits until the platform has fetched the media, makes the post public."""
    items = await _carousel(of, api, account, draft.media, steps) if len(draft.media) > 1 else []
    container = await steps.upload("container", lambda: _create(of, api, account, of.post(draft, items)))
    await _ready(of, api, account, steps, "ready", container)
    post_id = await steps.publish("release", lambda fresh: _release(of, fresh, account, container))
    return Receipt(post_id, await _permalink(of, api, account, post_id))


async def find(
    of: Containers, api: PlatformHttp, account: Account, attempt: Attempt, listing: str, text: str
) -> Sighting:  # fmt: skip
    """Asks the container: PUBLISHED is proof. The post's own id then comes from `listing`, an edge of the account."""
    container = attempt.journal.get("container")
    if container is None:
        return NOT_SEEN
    status, said = await _status(of, api, account, container)
    if status == "PUBLISHED":
        return await _published(of, api, account, attempt, container, listing, text)
    if status in ("ERROR", "EXPIRED"):
        return Sighting("refused", error=of.refusal(status, said))
    return NOT_SEEN if status == "FINISHED" else PENDING


async def _carousel(of: Containers, api: PlatformHttp, account: Account, media: Sequence[Media], steps: Steps) -> list[str]:
    def item(one: Media) -> Callable[[], Awaitable[str]]:
        return lambda: _create(of, api, account, of.item(one))

    items = [await steps.upload(f"item-{n}", item(one)) for n, one in enumerate(media)]
    for n, container in enumerate(items):
        await _ready(of, api, account, steps, f"item-{n}-ready", container)
    return items


async def _create(of: Containers, api: PlatformHttp, account: Account, fields: Awaitable[Fields]) -> str:
    return await _post(of, api, account, of.edge, await fields)


async def _ready(of: Containers, api: PlatformHttp, account: Account, steps: Steps, name: str, container: str) -> None:
    """Waits until the platform is done with a container; raises what made it fail."""

    async def ask() -> str | None:
        status, said = await _status(of, api, account, container)
        if status in ("ERROR", "EXPIRED"):
            raise of.refusal(status, said)
        return None if status == "IN_PROGRESS" else status

    await steps.wait(name, ask, every=api.every(of.poll), limit=of.processing)


async def _release(of: Containers, fresh: PlatformHttp, account: Account, container: str) -> str:
    """The one request. A refusal counts only when the container does not say PUBLISHED: some posts come out all the
    same, and a used container is refused like a missing one."""
    try:
        return await _post(of, fresh, account, of.release, {"creation_id": container})
    except PlatformError as refusal:
        refusal.may_have_posted = refusal.may_have_posted or await _is_out(of, fresh, account, container)
        raise


async def _permalink(of: Containers, api: PlatformHttp, account: Account, post_id: str) -> str | None:
    """The post's link; the profile's when the platform does not name one (an id does not tell the link)."""
    try:
        found = (await _read(of, api, account, post_id, "permalink")).get("permalink")
    except (NotSent, Unclear, PlatformError):
        found = None
    return _link(of, api, account, found)


async def _post(of: Containers, api: PlatformHttp, account: Account, edge: str, fields: Fields) -> str:
    url = of.url(account, account.platform_account_id, edge)
    return id_of(await api.request("POST", url, form=fields, token=account.access_token))


async def _published(
    of: Containers, api: PlatformHttp, account: Account, attempt: Attempt, container: str, listing: str, text: str
) -> Sighting:  # fmt: skip
    url = of.url(account, account.platform_account_id, listing)
    asked = {"fields": f"id,{of.text},timestamp,permalink", "limit": "25"}
    try:
        rows = rows_in(await api.request("GET", url, params=asked, token=account.access_token))
    except (NotSent, Unclear, PlatformError):
        rows = []
    if post := seen_in(rows, of.text, text, attempt):
        return Sighting("published", Receipt(str(post["id"]), _link(of, api, account, post.get("permalink"))))
    if datetime.now(UTC) - attempt.started_at < LISTING_LAG:
        return PENDING
    return Sighting("published", Receipt(container, _link(of, api, account, None)))


async def _is_out(of: Containers, api: PlatformHttp, account: Account, container: str) -> bool:
    try:
        return (await _status(of, api, account, container))[0] == "PUBLISHED"
    except (NotSent, Unclear, PlatformError):
        return False


async def _status(of: Containers, api: PlatformHttp, account: Account, container: str) -> tuple[str, str]:
    found = await _read(of, api, account, container, f"{of.status},{of.said}")
    if not isinstance(found.get(of.status), str):
        raise Unclear("a container without a status")
    return found[of.status], str(found.get(of.said) or "")


async def _read(of: Containers, api: PlatformHttp, account: Account, node: str, fields: str) -> dict[str, Any]:
    reply = await api.request("GET", of.url(account, node), params={"fields": fields}, token=account.access_token)
    if not isinstance(reply.body, dict):
        raise Unclear("an answer that is not an object")
    return reply.body


def _link(of: Containers, api: PlatformHttp, account: Account, found: str | None) -> str | None:
    profile = of.profile.format(account.username) if account.username else None
    link = found or profile
    return api.link(link) if link else None
