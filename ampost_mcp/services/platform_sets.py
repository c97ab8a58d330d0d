"""Platform sets: named groups of accounts, at most one account of a platform in each."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlmodel import Session

from ampost_mcp.context import App, Caller
from ampost_mcp.errors import AppError, from_faults
from ampost_mcp.fields import write_time
from ampost_mcp.schemas import NoArgs, PlatformSet, SetCreate, SetOut, SetRef, SetsOut, SetUpdate, Success
from ampost_mcp.services import idempotency
from storage import accounts, platform_sets
from storage.platform_sets import owner_of

__all__ = ["create", "delete", "everyones", "list_sets", "owner_of", "update"]

MOST = 20


async def list_sets(app: App, caller: Caller, args: NoArgs) -> SetsOut:
    """The caller's sets with the number of active accounts, oldest first."""
    return SetsOut.model_construct(sets=[wire(row) for row in await app.db.read(platform_sets.rows, caller.user_id, app.clock())])


async def create(app: App, caller: Caller, args: SetCreate) -> SetOut:
    """A new set without accounts. Raises VALIDATION_FAILED when the user has 20."""
    return await app.db.write(_create, app, caller, args, idempotency.current())


def _create(session: Session, app: App, caller: Caller, args: SetCreate, slot: idempotency.Slot | None) -> SetOut:
    if (actual := platform_sets.count(session, caller.user_id)) >= MOST:
        raise from_faults([{
            "code": "VALIDATION_FAILED", "field": "name", "limit": MOST, "actual": actual,
            "message": f"A user can have {MOST} platform sets.", "hint": "Delete one that is not needed any more.",
        }])  # fmt: skip
    row = platform_sets.insert(session, caller.user_id, args.name, app.clock(), is_default=actual == 0)
    answer = SetOut.model_construct(set=wire(row))
    if slot is not None:
        slot.save(session, answer.model_dump(by_alias=True, mode="json"))
    return answer


async def update(app: App, caller: Caller, args: SetUpdate) -> SetOut:
    """Renames a set, makes it the default, or both.

    Raises VALIDATION_FAILED when neither is given, PLATFORM_SET_NOT_FOUND, FORBIDDEN for the name of another user's set.
    """
    if args.name is None and args.is_default is None:
        raise from_faults([{
            "code": "VALIDATION_FAILED", "field": "", "message": "The update changes nothing.",
            "hint": "Give name, isDefault true, or both.",
        }])  # fmt: skip
    return await app.db.write(_update, app, caller, args)


def _update(session: Session, app: App, caller: Caller, args: SetUpdate) -> SetOut:
    now = app.clock()
    if platform_sets.get(session, caller.user_id, args.platform_set_id, now, lock=True) is None:
        if args.name is not None and platform_sets.is_somebodys(session, args.platform_set_id):
            raise AppError("FORBIDDEN", "This platform set belongs to another user.", "platform_sets_list shows yours.")
        raise not_found()
    if args.name is not None:
        platform_sets.change(session, caller.user_id, args.platform_set_id, name=args.name, updated_at=now)
    if args.is_default:
        platform_sets.make_default(session, caller.user_id, args.platform_set_id, now)
    row = platform_sets.get(session, caller.user_id, args.platform_set_id, now)
    assert row is not None, "it was locked"
    return SetOut.model_construct(set=wire(row))


async def delete(app: App, caller: Caller, args: SetRef) -> Success:
    """Deletes a set and revokes its accounts. Raises PLATFORM_SET_NOT_FOUND, VALIDATION_FAILED for the default set."""
    return await app.db.write(_delete, app, caller, args)


def _delete(session: Session, app: App, caller: Caller, args: SetRef) -> Success:
    row = platform_sets.get(session, caller.user_id, args.platform_set_id, app.clock(), lock=True)
    if row is None:
        raise not_found()
    if row["is_default"]:
        raise from_faults([{
            "code": "VALIDATION_FAILED", "field": "platformSetId", "message": "The default set cannot be deleted.",
            "hint": "Make another set the default first (PATCH /api/v1/platform-sets/{id} with isDefault true).",
        }])  # fmt: skip
    accounts.revoke_set(session, caller.user_id, args.platform_set_id, app.clock())
    platform_sets.delete(session, caller.user_id, args.platform_set_id)
    return Success()


def everyones(session: Session, now: datetime) -> list[dict[str, Any]]:
    """All users' sets in wire form with `userEmail`: for the operator."""
    return [{**wire(row), "userEmail": row["user_email"]} for row in platform_sets.every(session, now)]


def not_found() -> AppError:
    return AppError(
        "PLATFORM_SET_NOT_FOUND", "No platform set has this id.", "platform_sets_list shows yours.",
        [{"code": "PLATFORM_SET_NOT_FOUND", "field": "platformSetId"}],
    )  # fmt: skip


def wire(row: dict[str, Any]) -> PlatformSet:
    return {
        "id": row["id"], "userId": row["user_id"], "name": row["name"], "isDefault": row["is_default"],
        "createdAt": str(write_time(row["created_at"])), "updatedAt": str(write_time(row["updated_at"])),
        "connectionCount": row["connection_count"],
    }  # fmt: skip
