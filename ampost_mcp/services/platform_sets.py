"""Platform sets: named collections of connected accounts."""

from __future__ import annotations

from typing import Any

from sqlmodel import Session

from ampost_mcp.context import App, Caller
from ampost_mcp.errors import AppError, from_faults
from ampost_mcp.schemas import NoArgs, PlatformSet, SetCreate, SetOut, SetRef, SetsOut, SetUpdate, Success, write_time
from storage import accounts, users
from storage import platform_sets as rows

MOST = 20


async def list_sets(app: App, caller: Caller, args: NoArgs) -> SetsOut:
    found = await app.db.read(rows.rows, caller.user_id)
    return SetsOut.model_construct(sets=[wire(row) for row in found])


async def create(app: App, caller: Caller, args: SetCreate) -> SetOut:
    """Raises VALIDATION_FAILED for the 21st."""
    return SetOut.model_construct(set=wire(await app.db.write(_create, app, caller.user_id, args.name)))


async def update(app: App, caller: Caller, args: SetUpdate) -> SetOut:
    """Renames a set or makes it the default. Raises PLATFORM_SET_NOT_FOUND; FORBIDDEN for another user's."""
    return SetOut.model_construct(set=wire(await app.db.write(_update, app, caller.user_id, args)))


async def delete(app: App, caller: Caller, args: SetRef) -> Success:
    """Deletes a set and revokes its accounts. Raises PLATFORM_SET_NOT_FOUND; VALIDATION_FAILED for the default."""
    await app.db.write(_delete, app, caller.user_id, args.platform_set_id)
    app.wake()
    return Success()


def _create(session: Session, app: App, user_id: str, name: str) -> dict[str, Any]:
    if (count := rows.count(session, user_id)) >= MOST:
        raise from_faults(
            [{"code": "VALIDATION_FAILED", "field": "name", "limit": MOST, "actual": count + 1,
              "message": f"A user can have {MOST} platform sets.", "hint": "Delete one with platform_sets_delete first."}]
        )  # fmt: skip
    return rows.insert(session, user_id, name, app.clock())


def _update(session: Session, app: App, user_id: str, args: SetUpdate) -> dict[str, Any]:
    if args.name is None and args.is_default is None:
        raise from_faults(
            [{"code": "VALIDATION_FAILED", "field": "name", "message": "Nothing is to be changed.",
              "hint": "Send name, or isDefault true."}]
        )  # fmt: skip
    if rows.get(session, user_id, args.platform_set_id, lock=True) is None:
        if rows.is_somebodys(session, args.platform_set_id):
            raise AppError("FORBIDDEN", "This platform set is not yours.", "platform_sets_list shows yours.")
        raise not_found()
    if args.name is not None:
        rows.change(session, user_id, args.platform_set_id, name=args.name, updated_at=app.clock())
    if args.is_default:
        rows.make_default(session, user_id, args.platform_set_id, app.clock())
    return rows.get(session, user_id, args.platform_set_id) or {}


def _delete(session: Session, app: App, user_id: str, set_id: str) -> None:
    found = rows.get(session, user_id, set_id, lock=True)
    if found is None:
        raise not_found()
    if found["is_default"]:
        raise from_faults(
            [{"code": "VALIDATION_FAILED", "field": "platformSetId", "message": "The default set cannot be deleted.",
              "hint": "Make another set the default first (PATCH with isDefault true)."}]
        )  # fmt: skip
    accounts.revoke_set(session, user_id, set_id, app.clock())
    rows.delete(session, user_id, set_id)


def not_found() -> AppError:
    return AppError("PLATFORM_SET_NOT_FOUND", "No platform set has this id.", "platform_sets_list shows yours.")


def everyones(session: Session) -> list[dict[str, Any]]:
    """All users' sets on the wire, for the operator."""
    return [{**wire(row), "userEmail": row["user_email"]} for row in rows.every(session)]


def owner_of(session: Session, set_id: str) -> dict[str, Any] | None:
    """The user whose set this is."""
    found = next((row for row in rows.every(session) if row["id"] == set_id), None)
    return users.by_id(session, found["user_id"]) if found else None


def wire(row: dict[str, Any]) -> PlatformSet:
    return {
        "id": row["id"], "userId": row["user_id"], "name": row["name"], "isDefault": bool(row["is_default"]),
        "createdAt": write_time(row["created_at"]) or "", "updatedAt": write_time(row["updated_at"]) or "",
        "connectionCount": row["connection_count"],
    }  # fmt: skip
