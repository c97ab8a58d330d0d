"""Breakers: a platform that does not answer several times running is left alone for a while, by every process.

An account's own breaker, for the pauses that its platform asks for, is its `blocked_until` (see `storage.queue.block`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import and_, bindparam, delete, or_, select, update
from sqlalchemy.exc import IntegrityError
from sqlmodel import Session

from storage.database import apart
from storage.queue import ACCOUNTS, BREAKERS, PLATFORM_POSTS

#: Failures in a row that open a breaker, the first pause, and the longest (seconds).
THRESHOLD, FIRST, LONGEST = 10, 15.0, 60.0


_FORGET = delete(BREAKERS).where(BREAKERS.c.platform == bindparam("of"))


@dataclass(frozen=True)
class Hold:
    """What holds a due platform post back: the times until which its platform and its account are left alone. `asked`
    means that the platform did answer, and asked for it."""

    platform_until: datetime | None
    account_until: datetime | None
    asked: bool = False


def failed(session: Session, platform: str, now: datetime) -> datetime | None:
    """Counts one more failure in a row. Answers until when nothing is sent to the platform, None when it still may be."""
    its = BREAKERS.c.platform == platform
    row = session.execute(select(BREAKERS).where(its).with_for_update()).first()
    if row is not None and row.until is not None and row.until > now:
        return row.until  # type: ignore[no-any-return]  # what was under way when it opened says nothing new
    count = row.failures + 1 if row is not None else 1
    until = now + timedelta(seconds=_pause(count)) if count >= THRESHOLD else None
    if row is not None:
        session.execute(update(BREAKERS).where(its).values(failures=count, until=until))
        return until
    return until if _first(session, platform, count, until) else None


def hold(session: Session, platform: str, until: datetime) -> None:
    """Nothing is sent to the platform before `until`: it answers, and asked this server to wait."""
    changed = session.execute(update(BREAKERS).where(BREAKERS.c.platform == platform).values(failures=0, until=until))
    if changed.rowcount == 0:  # type: ignore[attr-defined]
        _first(session, platform, 0, until)


def _first(session: Session, platform: str, failures: int, until: datetime | None) -> bool:
    """Stores a platform's breaker; False when another process did so at the same moment."""
    try:
        with apart(session):
            session.execute(BREAKERS.insert().values(platform=platform, failures=failures, until=until))
    except IntegrityError:
        return False
    return True


def _pause(count: int) -> float:
    return float(min(LONGEST, FIRST * 2.0 ** min(count - THRESHOLD, 16)))


def worked(session: Session, platform: str) -> None:
    """The platform answered: its failures are forgotten, and what waits for it may go."""
    session.execute(_FORGET, {"of": platform})


def paused(session: Session, now: datetime) -> dict[str, datetime]:
    """Platform -> until when nothing is sent to it."""
    rows = session.execute(select(BREAKERS.c.platform, BREAKERS.c.until).where(BREAKERS.c.until > now))
    return {row.platform: row.until for row in rows}


def holds(session: Session, platform_post_ids: Sequence[str], now: datetime) -> dict[str, Hold]:
    """Those of the platform posts that a breaker holds back now, and nothing else longer than it."""
    p = PLATFORM_POSTS
    by_platform = and_(BREAKERS.c.until > now, BREAKERS.c.until >= p.c.next_at)
    by_account = and_(ACCOUNTS.c.blocked_until > now, ACCOUNTS.c.blocked_until >= p.c.next_at)
    rows = session.execute(
        select(p.c.id, BREAKERS.c.until, ACCOUNTS.c.blocked_until, BREAKERS.c.failures)
        .outerjoin(BREAKERS, and_(BREAKERS.c.platform == p.c.platform, by_platform))
        .outerjoin(ACCOUNTS, and_(ACCOUNTS.c.id == p.c.account_id, by_account))
        .where(p.c.id.in_(platform_post_ids), p.c.owner.is_(None), or_(by_platform, by_account))
    )
    return {row.id: Hold(row.until, row.blocked_until, row.failures == 0) for row in rows}
