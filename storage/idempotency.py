"""Idempotency keys: who asked for what first, and what was answered. A row without an answer is a request under way."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import and_, delete, select, update
from sqlmodel import Session

from storage.tables import metadata

KEYS = metadata.tables["idempotency_keys"]


def begin(session: Session, row: dict[str, Any], now: datetime, lost_before: datetime) -> dict[str, Any] | None:
    """Claims a key for its `owner`: None when it is the owner's now, else the row of whoever was first.

    Rows beyond their time go, and so does a request under way since before `lost_before`: whoever ran it is dead.
    """
    is_lost = and_(KEYS.c.answer.is_(None), KEYS.c.created_at < lost_before)
    mine = _is(row)
    session.execute(delete(KEYS).where(KEYS.c.expires_at <= now))
    session.execute(delete(KEYS).where(mine, is_lost))
    found = session.execute(select(KEYS).where(mine).with_for_update()).mappings().first()
    if found is not None:
        return dict(found)
    session.execute(KEYS.insert().values(**row))
    return None


def answer(session: Session, row: dict[str, Any], sealed: str) -> bool:
    """Stores the first answer; False when the row is no longer its owner's."""
    mine = and_(_is(row), KEYS.c.owner == row["owner"], KEYS.c.created_at == row["created_at"])
    return bool(session.execute(update(KEYS).where(mine).values(answer=sealed)).rowcount)  # type: ignore[attr-defined]


def release(session: Session, row: dict[str, Any]) -> None:
    """Forgets a request that came to nothing, so that it can be sent again."""
    session.execute(delete(KEYS).where(_is(row), KEYS.c.owner == row["owner"], KEYS.c.answer.is_(None)))


def clear_orphans(session: Session, owner: str | None, lost_before: datetime) -> int:
    """Forgets requests under way of everybody but `owner`; with None only those that began before `lost_before`."""
    lost = KEYS.c.owner != owner if owner is not None else KEYS.c.created_at < lost_before
    return int(session.execute(delete(KEYS).where(KEYS.c.answer.is_(None), lost)).rowcount)  # type: ignore[attr-defined]


def _is(row: dict[str, Any]) -> Any:
    return and_(KEYS.c.user_id == row["user_id"], KEYS.c.key == row["key"])
