"""Users: made by the operator or by a first sign-in, each with a default set."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlmodel import Session

from ampost_mcp.errors import AppError
from ampost_mcp.schemas import write_time
from storage import platform_sets
from storage import users as rows

DEFAULT_SET = "Default"


def create(
    session: Session, now: datetime, email: str, tier: str, *, password_hash: str | None = None,
    supabase_sub: str | None = None,
) -> dict[str, Any]:  # fmt: skip
    """A new user with a default set. Raises VALIDATION_FAILED when the address is taken."""
    try:
        user = rows.insert(session, email, tier, now, password_hash=password_hash, supabase_sub=supabase_sub)
    except rows.EmailTaken as error:
        raise AppError("VALIDATION_FAILED", f"There is a user {error} already.", "ampost-mcp users list shows them.") from error
    platform_sets.insert(session, user["id"], DEFAULT_SET, now, is_default=True)
    return user


def set_tier(session: Session, email: str, tier: str) -> None:
    user = rows.by_email(session, email)
    if user is None:
        raise AppError("NOT_FOUND", f"No user has the address {email}.", "ampost-mcp users list shows them.")
    rows.change(session, user["id"], tier=tier)


def count(session: Session) -> int:
    return len(rows.rows(session))


def first(session: Session) -> dict[str, Any]:
    """The user who was there first: the owner."""
    return rows.rows(session)[0]


def by_email(session: Session, email: str) -> dict[str, Any] | None:
    return rows.by_email(session, email)


def everyone(session: Session) -> list[dict[str, Any]]:
    """All users on the wire, for the operator."""
    return [
        {"id": row["id"], "email": row["email"], "tier": row["tier"], "createdAt": write_time(row["created_at"])}
        for row in rows.rows(session)
    ]
