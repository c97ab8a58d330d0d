"""API keys of a user."""

from __future__ import annotations

from typing import Any

from sqlmodel import Session

from ampost_mcp.context import App, Caller
from ampost_mcp.errors import AppError
from ampost_mcp.schemas import Key, KeyCreate, KeyCreated, KeyRef, KeysOut, NoArgs, Success, write_time
from storage import keys as rows
from storage import users

insert = rows.insert


async def list_keys(app: App, caller: Caller, args: NoArgs) -> KeysOut:
    """The caller's keys that are not revoked."""
    found = await app.db.read(rows.rows, caller.user_id)
    return KeysOut.model_construct(keys=[_wire(row) for row in found])


async def create(app: App, caller: Caller, args: KeyCreate) -> KeyCreated:
    """A new key; the raw key is in this answer and nowhere else."""
    row, raw = await app.db.write(rows.insert, caller.user_id, args.name, app.clock())
    return KeyCreated.model_construct(key=_wire(row), raw_key=raw)


async def revoke(app: App, caller: Caller, args: KeyRef) -> Success:
    """Raises NOT_FOUND."""
    if not await app.db.write(rows.revoke, caller.user_id, args.key_id, app.clock()):
        raise AppError("NOT_FOUND", "No API key has this id.", "GET /api/keys lists yours.")
    return Success()


def everyones(session: Session) -> list[dict[str, Any]]:
    """All users' keys on the wire, for the operator."""
    return [{**_wire(row), "userEmail": row["user_email"]} for row in rows.every(session)]


def owner_of(session: Session, key_id: str) -> dict[str, Any] | None:
    """The user whose key this is."""
    found = next((row for row in rows.every(session) if row["id"] == key_id), None)
    return users.by_id(session, found["user_id"]) if found else None


def _wire(row: dict[str, Any]) -> Key:
    return {
        "id": row["id"], "name": row["name"], "prefix": row["prefix"], "createdAt": write_time(row["created_at"]) or "",
        "lastUsedAt": write_time(row["last_used_at"]), "revokedAt": write_time(row["revoked_at"]),
    }  # fmt: skip
