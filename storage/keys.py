"""API keys: found by a prefix, compared in constant time, stored only as a hash."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Collection
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import bindparam, select, update
from sqlmodel import Session

from storage.tables import metadata, new_id
from storage.users import USERS

KEYS = metadata.tables["api_keys"]
MARK = "amp_live_"
#: Characters of a raw key that find its row: the mark and 12 of 43 random ones.
PREFIX = len(MARK) + 12


class FoundKey(NamedTuple):
    id: str
    user_id: str
    name: str
    last_used_at: datetime | None


class FoundUser(NamedTuple):
    id: str
    email: str
    tier: str
    owner_tag: str


_FIND = (
    select(
        KEYS.c.hash, KEYS.c.id, KEYS.c.user_id, KEYS.c.name, KEYS.c.last_used_at,
        USERS.c.id, USERS.c.email, USERS.c.tier, USERS.c.owner_tag,
    )
    .join(USERS, USERS.c.id == KEYS.c.user_id)
    .where(KEYS.c.prefix == bindparam("prefix"), KEYS.c.revoked_at.is_(None))
)  # fmt: skip


def _hash(raw: str) -> str:
    return hashlib.sha256(raw.encode()).hexdigest()


def find(session: Session, raw_key: str) -> tuple[FoundKey, FoundUser] | None:
    """The key that is not revoked, and its user; None for anything else."""
    if not raw_key.startswith(MARK) or not raw_key.isascii():
        return None
    row = session.execute(_FIND, {"prefix": raw_key[:PREFIX]}).first()
    if row is None or not secrets.compare_digest(row[0], _hash(raw_key)):
        return None
    return FoundKey(*row[1:5]), FoundUser(*row[5:])


def insert(session: Session, user_id: str, name: str, now: datetime) -> tuple[dict[str, Any], str]:
    """A new key's row, and the raw key, which exists nowhere else."""
    raw = MARK + secrets.token_urlsafe(32)
    row = {
        "id": new_id(), "user_id": user_id, "name": name, "prefix": raw[:PREFIX], "hash": _hash(raw),
        "created_at": now, "last_used_at": None, "revoked_at": None,
    }  # fmt: skip
    session.execute(KEYS.insert().values(row))
    return row, raw


def rows(session: Session, user_id: str) -> list[dict[str, Any]]:
    """The user's keys that are not revoked, oldest first."""
    found = session.execute(
        select(KEYS).where(KEYS.c.user_id == user_id, KEYS.c.revoked_at.is_(None)).order_by(KEYS.c.created_at, KEYS.c.id)
    )
    return [dict(row) for row in found.mappings()]


def revoke(session: Session, user_id: str, key_id: str, now: datetime) -> bool:
    """False when the user has no such key that is not revoked yet."""
    mine = (KEYS.c.id == key_id) & (KEYS.c.user_id == user_id) & KEYS.c.revoked_at.is_(None)
    return bool(session.execute(update(KEYS).where(mine).values(revoked_at=now)).rowcount)  # type: ignore[attr-defined]


def alive(session: Session, key_ids: Collection[str], tiers: Collection[str]) -> set[str]:
    """Those of the keys that are not revoked and whose user has one of the tiers."""
    found = session.execute(
        select(KEYS.c.id)
        .join(USERS, USERS.c.id == KEYS.c.user_id)
        .where(KEYS.c.id.in_(key_ids), KEYS.c.revoked_at.is_(None), USERS.c.tier.in_(tiers))
    )
    return set(found.scalars())


def touch(session: Session, key_id: str, now: datetime) -> None:
    session.execute(update(KEYS).where(KEYS.c.id == key_id).values(last_used_at=now))


def every(session: Session) -> list[dict[str, Any]]:
    """All users' keys, revoked ones too, with `user_email`: for the operator."""
    found = session.execute(
        select(KEYS, USERS.c.email.label("user_email"))
        .join(USERS, USERS.c.id == KEYS.c.user_id)
        .order_by(KEYS.c.created_at, KEYS.c.id)
    )
    return [dict(row) for row in found.mappings()]


def owner_of(session: Session, key_id: str) -> dict[str, Any] | None:
    """The user whose key this is: for the operator."""
    found = select(USERS).join(KEYS, KEYS.c.user_id == USERS.c.id).where(KEYS.c.id == key_id)
    row = session.execute(found).mappings().first()
    return dict(row) if row else None
