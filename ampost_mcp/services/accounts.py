"""Connected accounts, and how long their tokens will do."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any, Literal

from ampost_mcp.context import App, Caller
from ampost_mcp.errors import AppError
from ampost_mcp.fields import write_time
from ampost_mcp.schemas import Account, AccountList, AccountOut, AccountRef, AccountsOut
from storage import accounts

State = Literal["ok", "expiring", "expired", "reconnect_required"]

#: A credential is expiring in the last eighth of its life, at most in its last week.
LAST_PART, LONGEST_WARNING = 8, timedelta(days=7)


async def list_accounts(app: App, caller: Caller, args: AccountList) -> AccountsOut:
    """The caller's accounts that are not revoked, oldest first."""
    rows = await app.db.read(accounts.rows, caller.user_id, platform=args.platform, platform_set_id=args.platform_set_id)
    return AccountsOut.model_construct(accounts=[wire(app, row) for row in rows])


async def get(app: App, caller: Caller, args: AccountRef) -> AccountOut:
    """One account, a revoked one too. Raises ACCOUNT_NOT_FOUND."""
    row = await app.db.read_quick(accounts.get, caller.user_id, args.account_id)
    if row is None:
        raise not_found()
    return AccountOut.model_construct(account=wire(app, row))


def not_found() -> AppError:
    return AppError(
        "ACCOUNT_NOT_FOUND", "No account has this id.", "accounts_list shows yours.",
        [{"code": "ACCOUNT_NOT_FOUND", "field": "accountId"}],
    )  # fmt: skip


def wire(app: App, row: dict[str, Any]) -> Account:
    """An account's wire form, without any secret."""
    state = health(row, app.clock())
    broker = app.brokers.get(row["platform"])
    return {
        "id": row["id"], "userId": row["user_id"], "platform": row["platform"],
        "platformSetId": row["platform_set_id"], "platformAccountId": row["platform_account_id"],
        "username": row["username"], "displayName": row["display_name"], "avatarUrl": row["avatar_url"],
        "status": _status(row["status"], state), "scopes": row["scopes"],
        "tokenHealth": {
            "state": state, "expiresAt": write_time(row["token_expires_at"]),
            "lastRefreshedAt": write_time(row["last_refreshed_at"]), "lastError": row["last_error"],
        },
        "metadata": {**(broker.shown if broker else {}), **row["details"]},
        "createdAt": str(write_time(row["created_at"])), "updatedAt": str(write_time(row["updated_at"])),
    }  # fmt: skip


def _status(stored: str, state: State) -> Literal["active", "expired", "revoked"]:
    if stored == "revoked":
        return "revoked"
    return "active" if state in ("ok", "expiring") else "expired"


def health(row: dict[str, Any], now: datetime) -> State:
    """What a person has to know: whether, and how soon, the account must be connected again."""
    if row["reconnect_required"] or row["status"] == "revoked":
        return "reconnect_required"
    ends_at = accounts.ends_at(row)
    if ends_at is None:
        return "ok"
    if ends_at <= now:
        return "expired"
    began_at = row["last_refreshed_at"] or row["created_at"]
    warning = min(LONGEST_WARNING, (ends_at - began_at) / LAST_PART)
    return "expiring" if ends_at - now <= warning else "ok"
