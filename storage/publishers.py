"""Publishers: who is alive, and what becomes of the claims of those that are not."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from typing import Any

from sqlalchemy import and_, or_, select, update
from sqlmodel import Session

from storage.queue import PLATFORM_POSTS, PUBLISHERS


def beat(session: Session, owner: str, now: datetime) -> None:
    """Says that this publisher is alive."""
    touched = session.execute(update(PUBLISHERS).where(PUBLISHERS.c.id == owner).values(seen_at=now))
    if touched.rowcount == 0:  # type: ignore[attr-defined]
        session.execute(PUBLISHERS.insert().values(id=owner, started_at=now, seen_at=now))


def leave(session: Session, owner: str, now: datetime) -> int:
    """A publisher stops in order: what it still holds is due again for others at once."""
    session.execute(PUBLISHERS.delete().where(PUBLISHERS.c.id == owner))
    return _set_free(session, PLATFORM_POSTS.c.owner == owner, now)


#: Claims, as ids of platform posts with their fences.
Held = frozenset[tuple[str, int]]


def sweep(
    session: Session, now: datetime, *, alive_since: datetime | None, me: str, running: Collection[str] = (),
    idle: Held = frozenset(),
) -> tuple[int, Held]:  # fmt: skip
    """Frees what nobody carries out and answers how many, and the claims of `me` that are not `running`.

    Publishers not seen since `alive_since` are dead; None means that there can be no other (the lock on the data folder),
    so all but `me` are. A claim of `me` that was `idle` before, and is still, got lost: the database took it and broke
    before it could say so, or could not be given back.
    """
    dead = PUBLISHERS.c.id != me
    if alive_since is not None:
        dead = and_(dead, PUBLISHERS.c.seen_at < alive_since)
    session.execute(PUBLISHERS.delete().where(dead))
    alive = select(PUBLISHERS.c.id)
    p = PLATFORM_POSTS
    orphaned = and_(p.c.owner != me, p.c.owner.not_in(alive))
    held = session.execute(select(p.c.id, p.c.fence).where(p.c.owner == me)).all()
    still_idle = frozenset((row.id, row.fence) for row in held if row.id not in running)
    lost = and_(p.c.owner == me, p.c.id.in_([id for id, _ in still_idle & idle]))
    freed = _set_free(session, and_(p.c.owner.is_not(None), or_(orphaned, lost)), now)
    return freed, still_idle - idle


def _set_free(session: Session, which: Any, now: datetime) -> int:
    p = PLATFORM_POSTS
    freed = session.execute(update(p).where(which).values(owner=None, next_at=now, fence=p.c.fence + 1, updated_at=now))
    return int(freed.rowcount)  # type: ignore[attr-defined]
