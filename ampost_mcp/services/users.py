"""Users, for the operator and for sign-in. These are functions of a session: whoever calls owns the transaction."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlmodel import Session

from ampost_mcp.errors import AppError
from ampost_mcp.fields import write_time
from ampost_mcp.tiers import TIERS
from brokers.text import clean_text
from storage import platform_sets, sessions, users
from storage.users import EmailTaken, alone, by_email, count, first

__all__ = ["alone", "by_email", "count", "create", "everyone", "first", "known", "set_password", "set_tier"]

DEFAULT_SET = "Default"


def create(
    session: Session, now: datetime, email: str, tier: str, *, password_hash: str | None = None,
    supabase_sub: str | None = None,
) -> dict[str, Any]:  # fmt: skip
    """A new user with a default set; answers the row. Raises VALIDATION_FAILED for what is no address, or is taken."""
    try:
        row = users.insert(session, _address(email), _tier(tier), now, password_hash=password_hash, supabase_sub=supabase_sub)
    except EmailTaken:
        raise AppError(
            "VALIDATION_FAILED", f"A user with the address {email} is there already.",
            f"ampost-mcp users password {email} and ampost-mcp users tier {email} TIER change it; give another address for a new "
            "user.",
        ) from None  # fmt: skip
    platform_sets.insert(session, row["id"], DEFAULT_SET, now, is_default=True)
    return row


def set_tier(session: Session, email: str, tier: str) -> None:
    """Raises VALIDATION_FAILED for an unknown user or tier."""
    users.change(session, known(session, email)["id"], tier=_tier(tier))


def set_password(session: Session, email: str, password_hash: str) -> None:
    """A new password; whoever was signed in with the former one no longer is. Raises VALIDATION_FAILED."""
    row = known(session, email)
    users.change(session, row["id"], password_hash=password_hash)
    sessions.end_all(session, row["id"])


def known(session: Session, email: str) -> dict[str, Any]:
    """The user with this address. Raises VALIDATION_FAILED."""
    row = users.by_email(session, email)
    if row is None:
        raise AppError("VALIDATION_FAILED", f"No user has the address {email}.", "ampost-mcp users list shows them.")
    return row


def everyone(session: Session) -> list[dict[str, Any]]:
    """Every user in wire form: id, email, tier, createdAt."""
    return [
        {"id": row["id"], "email": row["email"], "tier": row["tier"], "createdAt": write_time(row["created_at"])}
        for row in users.rows(session)
    ]


def _address(email: str) -> str:
    local, at, domain = email.strip().rpartition("@")
    try:
        is_one = clean_text(email) == email and not any(character.isspace() for character in email.strip())
    except ValueError:
        is_one = False
    if not (is_one and local and at and domain) or len(email) > 320:
        raise AppError("VALIDATION_FAILED", "This is no e-mail address.", "Give an address such as ana@example.com.")
    return email


def _tier(tier: str) -> str:
    if tier not in TIERS:
        raise AppError("VALIDATION_FAILED", f"There is no tier {tier}.", f"Tiers are {', '.join(TIERS)}.")
    return tier
