"""The first start: an owner, a default set and a key, made when there is no user yet; and what is said about it."""

from __future__ import annotations

import shlex
from importlib.metadata import version
from typing import Any

from sqlmodel import Session

from ampost_mcp.commands.upkeep import client_config
from ampost_mcp.context import App
from ampost_mcp.services import keys, users
from ampost_mcp.settings import Settings, load
from storage import accounts, platform_sets

OWNER = "owner@localhost"


def prepare(app: App, quiet: bool = False) -> str:
    """Makes the owner when there is no user, connects the simulated accounts in sandbox mode. Answers what to print:
    everything at the first start, four lines without a key later; with `quiet` nothing but a first key."""
    raw_key = app.db.write_here(_fill, app)
    if raw_key:
        return _welcome(app.settings, raw_key)
    return "" if quiet else _later(app.settings)


def _fill(session: Session, app: App) -> str | None:
    users.alone(session)
    raw_key = None if users.count(session) else _first_owner(session, app)
    if app.settings.sandbox:
        _connect_sandbox(session, app)
    return raw_key


def _first_owner(session: Session, app: App) -> str:
    owner = users.create(session, app.clock(), OWNER, "max")
    return keys.insert(session, owner["id"], "first key", app.clock())[1]


def _connect_sandbox(session: Session, app: App) -> None:
    """One simulated account of each platform in the first user's default set, where the set has none."""
    from brokers.sandbox.parts import PARTS

    owner = users.first(session)
    its_set = next(row for row in platform_sets.rows(session, owner["id"], app.clock()) if row["is_default"])
    present = {row["platform"] for row in accounts.rows(session, owner["id"], platform_set_id=its_set["id"])}
    for part in PARTS:
        if part.platform not in present:
            _connect(session, app, owner["id"], its_set["id"], part)


def _connect(session: Session, app: App, user_id: str, set_id: str, part: Any) -> None:
    who = part.identity(0)

    def fill(account_id: str) -> dict[str, Any]:
        token = app.keyring.seal(f"sandbox-{part.platform}-0", user_id, account_id, "access_token")
        scopes = list(app.brokers[part.platform].oauth.scopes)
        return {"username": who.username, "display_name": who.name, "access_token": token, "scopes": scopes}

    accounts.connect(session, user_id, set_id, part.platform, who.id, fill, app.clock())


def _later(settings: Settings) -> str:
    at = settings.address
    return (
        f"ampost-mcp {version('ampost-mcp')}, data in {settings.data_dir}\n"
        f"  MCP        {at}/mcp\n"
        f"  REST       {at}/api/v1  (reference: {at}/docs)\n"
        f"  Dashboard  {at}/\n"
    )


def _welcome(settings: Settings, key: str) -> str:
    at, command = settings.address, f"ampost-mcp {{}}{_where(settings)}"
    sandbox = "  Simulator  " + at + "/sandbox/  (nothing leaves this machine)\n" if settings.sandbox else ""
    return (
        f"{_later(settings)}{sandbox}"
        f"\nAPI key, shown only now: {key}\n"
        f"  another: {command.format(f'keys create --user {OWNER} --name NAME')}\n"
        f"\nThe dashboard's user is {OWNER}; give it a password:\n"
        f"  {command.format(f'users password {OWNER}')}\n"
        f"\nClaude Code:\n  {client_config('claude-code', settings, key)}\n"
        f"\nClients that take JSON (Cursor and others):\n{_indented(client_config('cursor', settings, key))}\n"
        f"  VS Code, Claude Desktop: {command.format('mcp-config --client vscode|claude-desktop')}\n"
        '\nThen ask your agent: "List my platform sets, then draft a post for Threads."\n\n'
    )


def _where(settings: Settings) -> str:
    """What finds this data folder again when the environment does not."""
    return "" if load().data_dir == settings.data_dir else f" --data-dir {shlex.quote(str(settings.data_dir))}"


def _indented(text: str) -> str:
    return "\n".join("  " + line for line in text.splitlines())
