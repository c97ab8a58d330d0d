"""What became of an irreversible request whose answer never came: looks (read-only), and never sends again."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Any

import anyio
from sqlalchemy import select, update
from sqlmodel import Session

from ampost_mcp.context import App
from ampost_mcp.errors import AppError
from ampost_mcp.services import tracing
from brokers.base import NOT_SEEN, Account, Attempt, Broker, Draft, Sighting
from brokers.errors import NotSent, PlatformError, Unclear
from brokers.platform_http import PlatformHttp
from storage import journal
from storage.queue import INTENTS, PLATFORM_POSTS, Claim, refresh_status

#: Looks while the platform says that it is still working on it.
PENDING_EVERY, PENDING_LOOKS = 5.0, 120


async def settle(
    app: App, claim: Claim, broker: Broker, api: PlatformHttp, account: Account, draft: Draft,
    known: dict[str, Any], started_at: datetime,
) -> Sighting:  # fmt: skip
    """Looks until the platform shows the post, refuses it, or the broker's settle time is over (then `not_seen`)."""
    with tracing.span(app, "ampost look", platform=claim.platform) as current:
        if broker.find is None:
            sighting = NOT_SEEN
        else:
            taken = await app.db.read(journal.remote_ids, account.id, claim.platform_post_id)
            sighting = await _looked(broker, api, account, draft, Attempt(known, started_at, taken))
        tracing.ends(current, sighting.state)
        return sighting


async def _looked(broker: Broker, api: PlatformHttp, account: Account, draft: Draft, attempt: Attempt) -> Sighting:
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


def decide(session: Session, post_id: str, platform: str, published_url: str | None, now: datetime) -> None:
    """An operator's word on a platform post that ended `PUBLISH_OUTCOME_UNKNOWN`: it is there, at this link, or it is
    not, and may be retried without further ado. Raises AppError."""
    p = PLATFORM_POSTS
    row = session.execute(
        select(p.c.id, p.c.error).where(p.c.post_id == post_id, p.c.platform == platform).with_for_update()
    ).first()
    if row is None:
        raise AppError("POST_NOT_FOUND", f"No post {post_id} is for {platform}.", "Give the post's id and its platform.")
    if (row.error or {}).get("code") != "PUBLISH_OUTCOME_UNKNOWN":
        raise AppError("INVALID_STATUS_TRANSITION", "The outcome of this platform post is not unknown.", None)
    values: dict[str, Any] = {"status": "published", "url": published_url, "error": None, "published_at": now}
    if published_url is None:
        said = "An operator found that it was not published."
        error = {"code": "BROKER_ERROR", "brokerCode": "PUBLISH_FAILED", "message": said, "retryable": True}
        values = {"error": {**error, "hint": "Call posts_retry to send it again."}}
    session.execute(update(p).where(p.c.id == row.id).values(**values, updated_at=now))
    state = "confirmed" if published_url else "rejected"
    session.execute(
        update(INTENTS).where(INTENTS.c.platform_post_id == row.id, INTENTS.c.state == "unknown")
        .values(state=state, seen="an operator's word", closed_at=now)
    )  # fmt: skip
    refresh_status(session, post_id, now)
