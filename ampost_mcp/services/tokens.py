"""Access tokens: opened for a call, refreshed before they expire, one refresh at a time for an account."""

from __future__ import annotations

import asyncio
from datetime import datetime, timedelta
from typing import Any
from uuid import uuid4
from weakref import WeakValueDictionary

import anyio
import structlog

from ampost_mcp.context import App
from brokers.base import Account, Broker
from brokers.errors import RETRYABLE, BrokerCode, NotSent, PlatformError, Unclear
from brokers.oauth import Client, Tokens
from brokers.platform_http import PlatformHttp
from storage import tables
from storage import tokens as rows

log = structlog.get_logger("ampost.tokens")

#: Seconds between looks at a refresh that another process is making.
LOOK = 0.1
#: Seconds to wait before another try to renew a refused token.
PAUSES = (0.0, 0.5, 2.0)
RECONNECT: dict[str, Any] = {"reconnect_required": True, "status": "expired"}

Row = tables.Account


def api_for(app: App, broker: Broker) -> PlatformHttp:
    """The door to a broker's platform, or to the simulator that the settings name."""
    settings = app.settings
    return PlatformHttp(
        app.http, broker.read_error, broker.hosts, root=settings.platforms_url or None,
        timeout=settings.platform_timeout, links_to_root=settings.sandbox, poll=settings.processing_poll,
    )  # fmt: skip


def client_for(app: App, platform: str) -> Client | None:
    """This server's registration at a platform. A simulator takes any, so one is made up for it."""
    found = app.settings.clients.get(platform)
    if found is None and app.settings.platforms_url:
        redirect = f"{app.settings.address}/api/platforms/{platform}/callback"
        return Client("ampost-sandbox", "ampost-sandbox-secret", redirect)
    return found


async def usable_account(app: App, account_id: str) -> Account:
    """The account with a good access token in clear, refreshed when it is about to expire.

    Raises PlatformError: `auth` when it must be connected again, `transient` when an expired token could not be
    refreshed right now, `config` when this server lacks what a refresh needs.
    """
    return await usable(app, await app.db.read_quick(rows.load, account_id))


async def usable(app: App, loaded: Row | None) -> Account:
    """The same for an account that was loaded a moment ago."""
    row = _connected(app, loaded)
    broker, now, expires_at = app.brokers[row.platform], app.clock(), row.token_expires_at
    if expires_at is None or expires_at - timedelta(seconds=broker.oauth.refresh_before) > now:
        return _opened(app, row)
    try:
        row = await _refreshed(app, broker, row)
    except PlatformError as error:
        if expires_at <= now and error.kind == "auth":
            await give_up(app, row.id, error)
        if expires_at <= now:
            raise
        # The token still works for a while, and whoever comes next tries again.
        row = _connected(app, await app.db.read_quick(rows.load, row.id))
    return _opened(app, row)


async def refresh_if_possible(app: App, account_id: str, because: str) -> None:
    """The same as `refresh`, and no error where the platform renews nothing (yet) and the token is good as it is."""
    row = _connected(app, await app.db.read_quick(rows.load, account_id))
    broker = app.brokers[row.platform]
    if not _can_refresh(broker, row) and _is_good(app, row):
        return
    try:
        await refresh(app, account_id, because)
    except PlatformError as error:
        if error.kind != "auth" or not _may_be_young(app, broker, row):
            raise


async def refresh(app: App, account_id: str, because: str) -> Account:
    """Refreshes now, whatever the expiry; callers at the same time share one refresh. Raises like `usable_account`."""
    row = _connected(app, await app.db.read_quick(rows.load, account_id))
    log.info("token.refresh", platform=row.platform, account=account_id, because=because)
    return _opened(app, await _refreshed(app, app.brokers[row.platform], row))


async def renew(app: App, account_id: str, error: PlatformError) -> bool:
    """After the platform refused the token: whether there is a new one now. Never raises."""
    for pause in PAUSES:
        await anyio.sleep(pause)
        try:
            await refresh(app, account_id, because=str(error.broker_code))
            return True
        except PlatformError as failed:
            if failed.kind == "auth":
                await give_up(app, account_id, failed)
            if failed.kind not in RETRYABLE:
                return False
    return False


def seal(app: App, row: Row, tokens: Tokens) -> dict[str, Any]:
    """The columns for tokens that a platform granted. What it left out stays as it is stored."""
    now, oauth = app.clock(), app.brokers[row.platform].oauth
    values: dict[str, Any] = {
        "access_token": app.keyring.seal(tokens.access_token, row.user_id, row.id, "access_token"),
        "token_expires_at": _after(now, tokens.expires_in),
    }
    if tokens.refresh_token:
        values["refresh_token"] = app.keyring.seal(tokens.refresh_token, row.user_id, row.id, "refresh_token")
        values["refresh_expires_at"] = _after(now, tokens.refresh_expires_in)
    if oauth.refresh is None or oauth.refreshes_access_token:  # nothing is renewed once the access token is over
        values["refresh_expires_at"] = values["token_expires_at"]
    if tokens.scopes is not None:
        values["scopes"] = list(tokens.scopes)
    return values


def opened(app: App, row: Row, field: str) -> str | None:
    """A sealed column in clear."""
    sealed = getattr(row, field)
    return app.keyring.open(sealed, row.user_id, row.id, field) if sealed else None


def _after(now: datetime, seconds: float | None) -> datetime | None:
    return None if seconds is None else now + timedelta(seconds=seconds)


def _opened(app: App, row: Row) -> Account:
    # What a broker must know of the settings travels with the account.
    told = {
        "apiVersion": app.settings.linkedin_api_version,
        "forcePrivateUploads": app.settings.youtube_force_private_uploads,
    }
    return Account(
        row.id, row.platform_account_id, row.username, opened(app, row, "access_token") or "", row.display_name,
        tuple(row.scopes), {**row.details, **told},
    )  # fmt: skip


def _connected(app: App, row: Row | None) -> Row:
    if row is None or row.status == "revoked" or row.access_token is None:
        raise PlatformError(
            "The account is not connected any more.", kind="config", code="PLATFORM_NOT_CONNECTED",
            broker_code="CONNECTION_NOT_FOUND", hint="Connect an account to the set, see accounts_list.",
        )  # fmt: skip
    if row.reconnect_required:
        raise _expired(row.last_error or "The account has to be connected again.")
    return row


def _can_refresh(broker: Broker, row: Row) -> bool:
    oauth = broker.oauth
    return oauth.refresh is not None and (oauth.refreshes_access_token or row.refresh_token is not None)


def _may_be_young(app: App, broker: Broker, row: Row) -> bool:
    """Threads and Instagram refuse to refresh a token of less than a day with the error of a bad token."""
    return broker.oauth.refreshes_access_token and _is_good(app, row)


def _is_good(app: App, row: Row) -> bool:
    return row.token_expires_at is None or row.token_expires_at > app.clock()


async def give_up(app: App, account_id: str, error: PlatformError) -> None:
    """The account has to be connected again."""
    await app.db.write(rows.change, account_id, app.clock(), last_error=error.message, **RECONNECT)


async def _refreshed(app: App, broker: Broker, row: Row) -> Row:
    """The row after a refresh that this task, or another one meanwhile, made. It is not cut short with its caller: a
    rotating token whose answer nobody stores is lost."""
    return await asyncio.shield(asyncio.ensure_future(_refresh_alone(app, broker, row)))


async def _refresh_alone(app: App, broker: Broker, row: Row) -> Row:
    if not _can_refresh(broker, row):
        raise _lost(broker, row, f"{broker.title} gave no refresh token for it", "AUTH_EXPIRED")
    owner = f"{app.process[:40]}:{uuid4().hex[:16]}"
    async with _one_at_a_time(app, row.id):
        while True:
            until = app.clock() + timedelta(seconds=3 * app.settings.platform_timeout + 10)
            now_stored, mine = await app.db.write(rows.lease, row.id, row.access_token, owner, app.clock(), until)
            if mine and now_stored is not None:
                return await _refresh_leased(app, broker, now_stored, owner)
            found = _connected(app, now_stored)
            if found.access_token != row.access_token:
                return found
            await anyio.sleep(LOOK)


async def _refresh_leased(app: App, broker: Broker, row: Row, owner: str) -> Row:
    try:
        tokens = await _ask(app, broker, row)
    except PlatformError as error:
        marks: dict[str, Any] = {"last_error": error.message}
        if error.kind == "auth":
            marks = {} if _may_be_young(app, broker, row) else marks | RECONNECT
        await app.db.write(rows.finish, row.id, row.access_token, owner, app.clock(), **marks)
        log.warning("token.refresh_failed", platform=broker.key, account=row.id, reason=error.message)
        raise
    values = seal(app, row, tokens) | {"last_refreshed_at": app.clock(), "last_error": None, "status": "active"}
    await app.db.write(rows.finish, row.id, row.access_token, owner, app.clock(), **values)
    return _connected(app, await app.db.read(rows.load, row.id))


async def _ask(app: App, broker: Broker, row: Row) -> Tokens:
    """The platform's answer. Raises PlatformError; of kind `auth` when the connection has to be made anew."""
    oauth, refresh_token = broker.oauth, opened(app, row, "refresh_token")
    client = client_for(app, broker.key)
    if client is None and not oauth.refreshes_access_token:
        raise _no_client(broker)
    access = opened(app, row, "access_token") or ""
    try:
        assert oauth.refresh is not None, "asked of refreshable accounts only"
        return await oauth.refresh(api_for(app, broker), client or Client("", "", ""), access, refresh_token)
    except PlatformError as error:
        if error.kind == "auth":
            what = "does not renew its token" if oauth.refreshes_access_token else "no longer accepts its refresh token"
            raise _lost(broker, row, f"the platform {what}") from error
        raise
    except Unclear as error:
        if oauth.rotates:
            raise _lost(broker, row, "the answer to a token refresh was lost, and the token is good only once") from error
        raise _not_now(broker) from error
    except NotSent as error:
        raise _not_now(broker) from error


def _lost(broker: Broker, row: Row, why: str, code: BrokerCode = "REFRESH_TOKEN_EXPIRED") -> PlatformError:
    name = f"{broker.title} account" + (f" {row.username}" if row.username else "")
    return _expired(f"The {name} has to be connected again: {why}.", code)


def _expired(message: str, code: BrokerCode = "AUTH_EXPIRED") -> PlatformError:
    return PlatformError(
        message, kind="auth", broker_code=code,
        hint="Connect the account again in the dashboard (/accounts), then call posts_retry.",
    )  # fmt: skip


def _not_now(broker: Broker) -> PlatformError:
    return PlatformError(f"{broker.title} could not be asked for a new token.", kind="transient", broker_code="PLATFORM_ERROR")


def _no_client(broker: Broker) -> PlatformError:
    name = f"{broker.key.upper()}_CLIENT_ID"
    return PlatformError(
        f"The server has no client registration for {broker.title}, so its tokens cannot be refreshed.", kind="config",
        broker_code="INVALID_CONFIG", hint=f"Whoever runs the server must set {name} and {name[:-2]}SECRET.",
    )  # fmt: skip


def _one_at_a_time(app: App, account_id: str) -> asyncio.Lock:
    locks: WeakValueDictionary[str, asyncio.Lock] = app.extras.setdefault("token_locks", WeakValueDictionary())
    lock = locks.get(account_id)
    if lock is None:
        lock = locks[account_id] = asyncio.Lock()
    return lock
