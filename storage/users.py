"""Users: who owns keys, sets, accounts and posts."""

from __future__ import annotations

import secrets
from datetime import datetime
from typing import Any

from sqlalchemy import func, select, update
from sqlmodel import Session

from storage.database import take_turn
from storage.tables import metadata, new_id

USERS = metadata.tables["users"]
#: Unicode's private use area: no text that a person writes has these characters.
_FIRST, _COUNT = 0xE000, 6400
#: Of PostgreSQL's advisory locks: held while an empty installation gets its first user.
_LOCK = 7_240_512


class EmailTaken(Exception):
    """Another user has this e-mail address."""


def insert(
    session: Session, email: str, tier: str, now: datetime, *, password_hash: str | None = None,
    supabase_sub: str | None = None,
) -> dict[str, Any]:  # fmt: skip
    """A new user with a tag of its own for the search index. Raises EmailTaken; addresses differ by more than case."""
    email = email.strip().lower()
    if by_email(session, email) is not None:
        raise EmailTaken(email)
    row = {
        "id": new_id(), "email": email, "tier": tier, "owner_tag": _free_tag(session), "created_at": now,
        "password_hash": password_hash, "supabase_sub": supabase_sub,
    }  # fmt: skip
    session.execute(USERS.insert().values(row))
    return row


def _free_tag(session: Session) -> str:
    while True:
        tag = "".join(chr(_FIRST + secrets.randbelow(_COUNT)) for _ in range(3))
        if session.execute(select(USERS.c.id).where(USERS.c.owner_tag == tag)).first() is None:
            return tag


def _one(session: Session, condition: Any) -> dict[str, Any] | None:
    row = session.execute(select(USERS).where(condition)).mappings().first()
    return dict(row) if row else None


def by_id(session: Session, user_id: str) -> dict[str, Any] | None:
    return _one(session, USERS.c.id == user_id)


def by_email(session: Session, email: str) -> dict[str, Any] | None:
    return _one(session, USERS.c.email == email.strip().lower())


def by_supabase_sub(session: Session, sub: str) -> dict[str, Any] | None:
    return _one(session, USERS.c.supabase_sub == sub)


def rows(session: Session) -> list[dict[str, Any]]:
    """Every user, oldest first."""
    return [dict(row) for row in session.execute(select(USERS).order_by(USERS.c.created_at, USERS.c.id)).mappings()]


def alone(session: Session) -> None:
    """Lets one process at a time give an empty installation its first user."""
    take_turn(session, _LOCK)


def count(session: Session) -> int:
    return int(session.execute(select(func.count()).select_from(USERS)).scalar_one())


def first(session: Session) -> dict[str, Any]:
    """The oldest user. There is one from the first start on."""
    return rows(session)[0]


def change(session: Session, user_id: str, **values: Any) -> bool:
    """Sets columns (`tier`, `password_hash`, `supabase_sub`); False when there is no such user."""
    changed = session.execute(update(USERS).where(USERS.c.id == user_id).values(**values))
    return bool(changed.rowcount)  # type: ignore[attr-defined]
