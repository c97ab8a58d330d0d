"""What became of an irreversible request whose answer never came: looks (read-only), and never sends again."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Any

import anyio

from ampost_mcp.context import App
from brokers.base import NOT_SEEN, Account, Attempt, Broker, Draft, Sighting
from brokers.errors import NotSent, PlatformError, Unclear
from brokers.platform_http import PlatformHttp
from storage import journal
from storage.queue import Claim

#: Looks while the platform says that it is still working on it.
PENDING_EVERY, PENDING_LOOKS = 5.0, 120


async def settle(
    app: App, claim: Claim, broker: Broker, api: PlatformHttp, account: Account, draft: Draft,
    known: dict[str, Any], started_at: datetime,
) -> Sighting:  # fmt: skip
    """Looks until the platform shows the post, refuses it, or the broker's settle time is over (then `not_seen`)."""
    if broker.find is None:
        return NOT_SEEN
    taken = await app.db.read(journal.remote_ids, account.id, claim.platform_post_id)
    attempt = Attempt(known, started_at, taken)
    sighting = NOT_SEEN
    for pause in _pauses(broker, api):
        await anyio.sleep(pause)
        sighting = await _look(broker, api, account, draft, attempt)
        if sighting.state not in ("not_seen", "pending"):
            return sighting
    looks = 0
    while sighting.state == "pending" and looks < PENDING_LOOKS:
        await anyio.sleep(api.every(PENDING_EVERY))
        sighting, looks = await _look(broker, api, account, draft, attempt), looks + 1
    return sighting


def _pauses(broker: Broker, api: PlatformHttp) -> Iterator[float]:
    """Seconds before each look: the broker's own, or the poll setting's pace for a fitting part of that time."""
    if api.poll is None:
        yield from (0.0, *broker.settle)
        return
    total = min(sum(broker.settle), max(3.0, 20 * api.poll))
    yield 0.0
    for _ in range(max(1, int(total / max(api.poll, 0.02)))):
        yield max(api.poll, 0.02)


async def _look(broker: Broker, api: PlatformHttp, account: Account, draft: Draft, attempt: Attempt) -> Sighting:
    assert broker.find is not None
    try:
        return await broker.find(api, account, draft, attempt)
    except (NotSent, Unclear, PlatformError):
        return NOT_SEEN  # the look failed, which says nothing about the post
