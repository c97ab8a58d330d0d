"""First answers to requests that carry an idempotency key."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import select, update
from sqlalchemy.exc import IntegrityError
from sqlmodel import Session

from storage.tables import metadata

KEYS = metadata.tables["idempotency_keys"]


def take(
    session: Session, user_id: str, key: str, fingerprint: str, owner: str, now: datetime, expires_at: datetime
) -> dict[str, Any] | None:
    """None when the key is the caller's now; else the row of who had it first."""
    mine = (KEYS.c.user_id == user_id) & (KEYS.c.key == key)
    session.execute(KEYS.delete().where(mine, KEYS.c.expires_at <= now))
    row = {"user_id": user_id, "key": key, "fingerprint": fingerprint, "owner": owner, "created_at": now, "expires_at": expires_at}
    try:
        with session.begin_nested():
            session.execute(KEYS.insert().values(row))
    except IntegrityError:
        found = session.execute(select(KEYS).where(mine)).mappings().first()
        return dict(found) if found else None
    return None


def finish(session: Session, user_id: str, key: str, owner: str, status: int, answer: str) -> None:
    """Keeps the answer (sealed) of the request that took the key."""
    mine = (KEYS.c.user_id == user_id) & (KEYS.c.key == key) & (KEYS.c.owner == owner)
    session.execute(update(KEYS).where(mine).values(status=status, answer=answer))


def give_back(session: Session, user_id: str, key: str, owner: str) -> None:
    """Forgets a key whose request came to nothing."""
    mine = (KEYS.c.user_id == user_id) & (KEYS.c.key == key) & (KEYS.c.owner == owner) & KEYS.c.answer.is_(None)
    session.execute(KEYS.delete().where(mine))


def clear(session: Session, now: datetime, abandoned_before: datetime | None) -> None:
    """Drops what has expired, and what nobody answered: everything (None), or what began before then."""
    session.execute(KEYS.delete().where(KEYS.c.expires_at <= now))
    left = KEYS.c.answer.is_(None)
    session.execute(KEYS.delete().where(left if abandoned_before is None else left & (KEYS.c.created_at < abandoned_before)))
