"""Platform sets. Every function but the operator's `every` sees one user's rows only."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import Select, bindparam, func, select, update
from sqlmodel import Session

from storage.accounts import ACCOUNTS, IS_ACTIVE
from storage.tables import metadata, new_id
from storage.users import USERS

SETS = metadata.tables["platform_sets"]
_MINE = (
    select(SETS.c.id).where(SETS.c.id == bindparam("set_id"), SETS.c.user_id == bindparam("user_id")).with_for_update(read=True)
)


def _with_counts() -> Select[Any]:
    connected = select(func.count()).where(ACCOUNTS.c.platform_set_id == SETS.c.id, IS_ACTIVE).correlate(SETS).scalar_subquery()
    return select(SETS, connected.label("connection_count"))


def rows(session: Session, user_id: str, now: datetime) -> list[dict[str, Any]]:
    """The user's sets with `connection_count` (accounts that are active at `now`), oldest first."""
    found = _with_counts().where(SETS.c.user_id == user_id).order_by(SETS.c.created_at, SETS.c.id)
    return [dict(row) for row in session.execute(found, {"now": now}).mappings()]


def get(session: Session, user_id: str, set_id: str, now: datetime, *, lock: bool = False) -> dict[str, Any] | None:
    """One set with `connection_count`. `lock`: it stays as it is until the end of the transaction."""
    found = _with_counts().where(SETS.c.id == set_id, SETS.c.user_id == user_id)
    row = session.execute(found.with_for_update(of=SETS) if lock else found, {"now": now}).mappings().first()
    return dict(row) if row else None


def exists(session: Session, user_id: str, set_id: str) -> bool:
    """Whether the user has this set; on PostgreSQL it then stays until the end of the transaction."""
    return session.execute(_MINE, {"set_id": set_id, "user_id": user_id}).first() is not None


def is_somebodys(session: Session, set_id: str) -> bool:
    """Whether any user has this set. Only for the one answer that tells so: renaming a foreign set."""
    return session.execute(select(SETS.c.id).where(SETS.c.id == set_id)).first() is not None


def count(session: Session, user_id: str) -> int:
    """How many sets the user has; no other transaction changes that before this one ends."""
    session.execute(select(USERS.c.id).where(USERS.c.id == user_id).with_for_update())
    return int(session.execute(select(func.count()).where(SETS.c.user_id == user_id)).scalar_one())


def insert(session: Session, user_id: str, name: str, now: datetime, *, is_default: bool = False) -> dict[str, Any]:
    row = {
        "id": new_id(), "user_id": user_id, "name": name, "is_default": is_default, "created_at": now,
        "updated_at": now,
    }  # fmt: skip
    session.execute(SETS.insert().values(row))
    return {**row, "connection_count": 0}


def change(session: Session, user_id: str, set_id: str, **values: Any) -> None:
    session.execute(update(SETS).where(SETS.c.id == set_id, SETS.c.user_id == user_id).values(**values))


def make_default(session: Session, user_id: str, set_id: str, now: datetime) -> None:
    """One set is the default before and after."""
    session.execute(select(USERS.c.id).where(USERS.c.id == user_id).with_for_update())
    former = (SETS.c.user_id == user_id) & SETS.c.is_default & (SETS.c.id != set_id)
    session.execute(update(SETS).where(former).values(is_default=False, updated_at=now))
    change(session, user_id, set_id, is_default=True, updated_at=now)


def delete(session: Session, user_id: str, set_id: str) -> None:
    session.execute(SETS.delete().where(SETS.c.id == set_id, SETS.c.user_id == user_id))


def every(session: Session, now: datetime) -> list[dict[str, Any]]:
    """All users' sets with `connection_count` and `user_email`: for the operator."""
    found = (
        _with_counts()
        .add_columns(USERS.c.email.label("user_email"))
        .join(USERS, USERS.c.id == SETS.c.user_id)
        .order_by(SETS.c.created_at, SETS.c.id)
    )
    return [dict(row) for row in session.execute(found, {"now": now}).mappings()]


def owner_of(session: Session, set_id: str) -> dict[str, Any] | None:
    """The user whose set this is: for the operator."""
    found = select(USERS).join(SETS, SETS.c.user_id == USERS.c.id).where(SETS.c.id == set_id)
    row = session.execute(found).mappings().first()
    return dict(row) if row else None
