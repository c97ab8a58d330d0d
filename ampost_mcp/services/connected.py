"""What can be done with a connected account from the dashboard: refresh, disconnect, choose what it publishes as."""

from __future__ import annotations

from typing import cast

import structlog

from ampost_mcp.context import App, Caller
from ampost_mcp.errors import AppError
from ampost_mcp.schemas import AccountOut, AccountRef
from ampost_mcp.services import accounts, connections, tokens
from brokers.base import Profile
from brokers.errors import BrokerCode, NotSent, PlatformError, Unclear
from storage import accounts as account_rows
from storage import tokens as rows
from storage.tables import Account

log = structlog.get_logger("ampost.connections")


async def refresh(app: App, caller: Caller, platform: str, account_id: str) -> AccountOut:
    """The account with a new token; with its own, where the platform renews none (yet) and it is good. Raises
    ACCOUNT_NOT_FOUND, BROKER_ERROR."""
    broker = connections.broker_of(app, platform)
    await _own(app, caller, platform, account_id)
    try:
        await tokens.refresh_if_possible(app, account_id, because="asked for in the dashboard")
    except PlatformError as error:
        code = cast(BrokerCode, error.broker_code or "PLATFORM_ERROR")
        raise connections.broken(broker, error, code) from error
    return await accounts.get(app, caller, AccountRef(account_id=account_id))


async def disconnect(app: App, caller: Caller, platform: str, account_id: str) -> None:
    """Forgets the account's tokens, and tells the platform to do the same if it can. Raises ACCOUNT_NOT_FOUND."""
    broker = connections.broker_of(app, platform)
    row = await _own(app, caller, platform, account_id)
    access, refresh_token = tokens.opened(app, row, "access_token"), tokens.opened(app, row, "refresh_token")
    await app.db.write(account_rows.revoke, caller.user_id, account_id, app.clock())
    client = tokens.client_for(app, platform)
    if broker.oauth.revoke is None or access is None or client is None:
        return
    try:
        await broker.oauth.revoke(tokens.api_for(app, broker), client, access, refresh_token)
    except (PlatformError, NotSent, Unclear) as error:
        log.warning("connection.revoke_failed", platform=platform, account=account_id, error=type(error).__name__)


async def pages(app: App, caller: Caller, platform: str, account_id: str) -> list[Profile]:
    """Every identity that the connection may publish as, the first choice first."""
    row = await _own(app, caller, platform, account_id)
    return await connections.profiles_of(app, connections.broker_of(app, platform), _users_token(app, row))


async def choose_page(app: App, caller: Caller, platform: str, account_id: str, page_id: str) -> AccountOut:
    """Lets the account publish as another of its identities. Raises ACCOUNT_NOT_FOUND, VALIDATION_FAILED."""
    found = [page for page in await pages(app, caller, platform, account_id) if page.platform_account_id == page_id]
    if not found:
        raise AppError(
            "VALIDATION_FAILED", "The account has no Page with this id.",
            f"GET /api/platforms/{platform}/pages lists them.",
            [{"code": "VALIDATION_FAILED", "field": "pageId"}],
        )  # fmt: skip
    values = connections.identity(found[0])
    if found[0].access_token:
        token = app.keyring.seal(found[0].access_token, caller.user_id, account_id, "access_token")
        values |= {"access_token": token, "token_expires_at": None}
    await app.db.write(rows.change, account_id, app.clock(), platform_account_id=page_id, **values)
    return await accounts.get(app, caller, AccountRef(account_id=account_id))


def _users_token(app: App, row: Account) -> str:
    """The token that lists identities: the one kept beside a narrower one, else the only one."""
    kept = tokens.opened(app, row, "refresh_token") if app.brokers[row.platform].oauth.refresh is None else None
    return kept or tokens.opened(app, row, "access_token") or ""


async def _own(app: App, caller: Caller, platform: str, account_id: str) -> Account:
    row = await app.db.read(rows.own, caller.user_id, account_id)
    if row is None or row.platform != platform or row.status == "revoked":
        raise AppError("ACCOUNT_NOT_FOUND", "No account has this id.", "accounts_list shows your accounts.")
    return row
