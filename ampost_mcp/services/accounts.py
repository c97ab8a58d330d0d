"""Connected accounts as their owner sees them: never a token, always how healthy it is."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from ampost_mcp.context import App, Caller
from ampost_mcp.errors import AppError
from ampost_mcp.schemas import Account, AccountList, AccountOut, AccountRef, AccountsOut, TokenHealth, write_time
from storage import accounts as rows

#: A token that nobody can refresh is worth a warning this long before its end.
WARN = timedelta(days=7)


async def list_accounts(app: App, caller: Caller, args: AccountList) -> AccountsOut:
    """The caller's accounts that are not revoked."""
    found = await app.db.read(
        rows.rows, caller.user_id, platform=args.platform, platform_set_id=args.platform_set_id
    )  # fmt: skip
    return AccountsOut.model_construct(accounts=[wire(app, row) for row in found])


async def get(app: App, caller: Caller, args: AccountRef) -> AccountOut:
    """One account, a revoked one too. Raises ACCOUNT_NOT_FOUND."""
    row = await app.db.read(rows.get, caller.user_id, args.account_id)
    if row is None:
        raise AppError("ACCOUNT_NOT_FOUND", "No account has this id.", "accounts_list shows your accounts.")
    return AccountOut.model_construct(account=wire(app, row))


def wire(app: App, row: dict[str, Any]) -> Account:
    return {
        "id": row["id"], "userId": row["user_id"], "platform": row["platform"], "platformSetId": row["platform_set_id"],
        "platformAccountId": row["platform_account_id"], "username": row["username"],
        "displayName": row["display_name"], "avatarUrl": row["avatar_url"], "status": row["status"],
        "scopes": row["scopes"] or [], "tokenHealth": _health(app, row), "metadata": _metadata(app, row),
        "createdAt": write_time(row["created_at"]) or "", "updatedAt": write_time(row["updated_at"]) or "",
    }  # fmt: skip


def _metadata(app: App, row: dict[str, Any]) -> dict[str, Any]:
    """What the platform told of the account, and the launch gates that bear on it."""
    details = dict(row["details"] or {})
    if row["platform"] == "linkedin":
        details["organizationPosting"] = app.settings.linkedin_enable_organization_posting
    return details


def _health(app: App, row: dict[str, Any]) -> TokenHealth:
    return {
        "state": _state(app, row, app.clock()), "expiresAt": write_time(row["token_expires_at"]),
        "lastRefreshedAt": write_time(row["last_refreshed_at"]), "lastError": row["last_error"],
    }  # fmt: skip


def _state(app: App, row: dict[str, Any], now: datetime) -> Any:
    expires_at, oauth = row["token_expires_at"], app.brokers[row["platform"]].oauth
    if row["reconnect_required"] or row["status"] == "revoked":
        return "reconnect_required"
    refreshable = oauth.refresh is not None and (row["refresh_token"] is not None or oauth.refreshes_access_token)
    if expires_at is None:
        return "ok"
    if expires_at <= now:
        # The next publish refreshes it, unless nothing can.
        return "expired"
    soon = timedelta(seconds=oauth.refresh_before) if refreshable else WARN
    return "expiring" if expires_at - now <= soon else "ok"
