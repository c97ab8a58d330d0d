"""API keys of a user."""

from __future__ import annotations

from typing import Any

from sqlmodel import Session

from ampost_mcp.context import App, Caller
from ampost_mcp.errors import AppError
from ampost_mcp.fields import write_time
from ampost_mcp.schemas import Key, KeyCreate, KeyCreated, KeyRef, KeysOut, NoArgs, Success
from storage import keys
from storage.keys import find, insert, owner_of

__all__ = ["create", "everyones", "find", "insert", "list_keys", "owner_of", "revoke"]


async def list_keys(app: App, caller: Caller, args: NoArgs) -> KeysOut:
    """The keys that are not revoked."""
    return KeysOut.model_construct(keys=[wire(row) for row in await app.db.read(keys.rows, caller.user_id)])


async def create(app: App, caller: Caller, args: KeyCreate) -> KeyCreated:
    """A new key; the raw key is in this answer only."""
    row, raw = await app.db.write(keys.insert, caller.user_id, args.name, app.clock())
    return KeyCreated.model_construct(key=wire(row), raw_key=raw)


async def revoke(app: App, caller: Caller, args: KeyRef) -> Success:
    """The key fails from the next request on. Raises NOT_FOUND."""
    if not await app.db.write(keys.revoke, caller.user_id, args.key_id, app.clock()):
        raise AppError("NOT_FOUND", "No key has this id.", "The list of keys shows yours.")
    return Success()


def everyones(session: Session) -> list[dict[str, Any]]:
    """All users' keys in wire form with `userEmail`, revoked ones too: for the operator."""
    return [{**wire(row), "userEmail": row["user_email"]} for row in keys.every(session)]


def wire(row: dict[str, Any]) -> Key:
    return {
        "id": row["id"], "name": row["name"], "prefix": row["prefix"], "createdAt": str(write_time(row["created_at"])),
        "lastUsedAt": write_time(row["last_used_at"]), "revokedAt": write_time(row["revoked_at"]),
    }  # fmt: skip
