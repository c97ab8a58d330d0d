"""Browser sessions. The cookie's value is known to the browser alone; here lies its SHA-256."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import delete, select
from sqlmodel import Session

from storage.tables import metadata
from storage.users import USERS

SESSIONS = metadata.tables["web_sessions"]


def add(session: Session, user_id: str, id_hash: str, now: datetime, expires_at: datetime) -> None:
    """Begins a session; those that have run out are cleared on the way."""
    session.execute(delete(SESSIONS).where(SESSIONS.c.expires_at <= now))
    session.execute(SESSIONS.insert().values(id_hash=id_hash, user_id=user_id, created_at=now, expires_at=expires_at))


def user(session: Session, id_hash: str, now: datetime) -> dict[str, Any] | None:
    """Whose session it is, None when it is unknown or over."""
    found = session.execute(
        select(USERS)
        .join(SESSIONS, SESSIONS.c.user_id == USERS.c.id)
        .where(SESSIONS.c.id_hash == id_hash, SESSIONS.c.expires_at > now)
    )
    row = found.mappings().first()
    return dict(row) if row else None


def end(session: Session, id_hash: str) -> None:
    session.execute(delete(SESSIONS).where(SESSIONS.c.id_hash == id_hash))


def end_all(session: Session, user_id: str) -> None:
    """Signs a user out everywhere."""
    session.execute(delete(SESSIONS).where(SESSIONS.c.user_id == user_id))
