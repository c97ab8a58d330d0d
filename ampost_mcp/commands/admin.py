"""Users, keys, sets, accounts and undecided posts, from the command line."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from getpass import getpass
from typing import Any

import anyio
from pydantic import BaseModel
from sqlmodel import Session

from ampost_mcp.cli import CommandError
from ampost_mcp.commands.opening import opened
from ampost_mcp.context import App, Caller
from ampost_mcp.parsing import parsed
from ampost_mcp.schemas import KeyCreate, KeyRef, SetCreate, SetUpdate
from ampost_mcp.services import connections, keys, platform_sets, sessions, settling, users


def create_user(email: str, tier: str, password_stdin: bool, data_dir: str | None = None) -> None:
    password_hash = sessions.hash_password(_line_of_stdin()) if password_stdin else None
    with opened(data_dir) as app:
        user = app.db.write_here(users.create, app.clock(), email, tier, password_hash=password_hash)
        _print(user["id"])


def set_password(email: str, data_dir: str | None = None) -> None:
    """Asks on a terminal, reads a line from standard input elsewhere. Ends the user's browser sessions."""
    with opened(data_dir) as app:
        app.db.read_here(users.known, email)
        password = _asked() if sys.stdin.isatty() else _line_of_stdin()
        app.db.write_here(users.set_password, email, sessions.hash_password(password))
        _print(f"{email} signs in with this password at {app.settings.address}/login from now on.")


def set_tier(email: str, tier: str, data_dir: str | None = None) -> None:
    with opened(data_dir) as app:
        app.db.write_here(users.set_tier, email, tier)


def list_users(json: bool, data_dir: str | None = None) -> None:
    _list("users", json, users.everyone, ("email", "tier", "id"), data_dir)


def create_key(user: str, name: str, data_dir: str | None = None) -> None:
    asked = parsed(KeyCreate, {"name": name})
    made = _as(user, lambda app, caller: keys.create(app, caller, asked), data_dir)
    _print(_wire(made)["rawKey"])


def list_keys(json: bool, data_dir: str | None = None) -> None:
    _list("keys", json, keys.everyones, ("prefix", "name", "userEmail", "revokedAt", "id"), data_dir)


def revoke_key(id: str, data_dir: str | None = None) -> None:
    with opened(data_dir) as app:
        owner = app.db.read_here(keys.owner_of, id)
        if owner is None:
            raise CommandError(f"No key has the id {id}; ampost-mcp keys list shows them.")
        anyio.run(keys.revoke, app, _caller(app, owner), KeyRef(key_id=id))


def create_set(user: str, name: str, data_dir: str | None = None) -> None:
    asked = parsed(SetCreate, {"name": name})
    made = _as(user, lambda app, caller: platform_sets.create(app, caller, asked), data_dir)
    _print(_wire(made)["set"]["id"])


def default_set(id: str, data_dir: str | None = None) -> None:
    with opened(data_dir) as app:
        owner = app.db.read_here(platform_sets.owner_of, id)
        if owner is None:
            raise CommandError(f"No platform set has the id {id}; ampost-mcp sets list shows them.")
        asked = parsed(SetUpdate, {"platformSetId": id, "isDefault": True})
        anyio.run(platform_sets.update, app, _caller(app, owner), asked)


def list_sets(json: bool, data_dir: str | None = None) -> None:
    _list("sets", json, platform_sets.everyones, ("name", "userEmail", "isDefault", "connectionCount", "id"), data_dir)


def connect(
    platform: str, user: str, set_id: str, platform_account_id: str | None, username: str | None,
    expires_in: float | None, data_dir: str | None = None,
) -> None:  # fmt: skip
    tokens = _tokens_from_stdin()

    async def do(app: App, caller: Caller) -> str:
        async with app.http:
            return await connections.connect_with_token(
                app, caller.user_id, set_id, platform, tokens["accessToken"], tokens.get("refreshToken"), expires_in,
                platform_account_id, username,
            )  # fmt: skip

    _print(_as(user, do, data_dir))


def settle(post: str, platform: str, published: str | None, not_published: bool, data_dir: str | None = None) -> None:
    """Records what a person found out about an outcome that is unknown."""
    if bool(published) == not_published:
        raise CommandError("Say either --published URL or --not-published.")
    with opened(data_dir) as app:
        app.db.write_here(settling.decide, post, platform, published, app.clock())


def _tokens_from_stdin() -> dict[str, Any]:
    try:
        tokens = json.loads(sys.stdin.read())
        if not isinstance(tokens["accessToken"], str):
            raise TypeError
    except (ValueError, KeyError, TypeError):
        raise CommandError('Standard input must hold {"accessToken": "...", "refreshToken": "..."}.') from None
    return dict(tokens)


def _line_of_stdin() -> str:
    return sys.stdin.readline().rstrip("\r\n")


def _asked() -> str:
    password = getpass("New password (not shown): ")
    if getpass("Once more: ") != password:
        raise CommandError("The two passwords differ; nothing was changed.")
    return password


def _as(email: str, do: Callable[[App, Caller], Any], data_dir: str | None) -> Any:
    """Runs an operation as a user."""
    with opened(data_dir) as app:
        return anyio.run(do, app, _caller(app, app.db.read_here(users.known, email)))


def _caller(app: App, user: dict[str, Any]) -> Caller:
    return Caller(user["id"], user["email"], user["tier"], user["owner_tag"])


def _wire(model: BaseModel) -> dict[str, Any]:
    return model.model_dump(by_alias=True, mode="json")


def _list(
    name: str, as_json: bool, rows: Callable[[Session], list[dict[str, Any]]], columns: tuple[str, ...], data_dir: str | None
) -> None:  # fmt: skip
    with opened(data_dir) as app:
        found = app.db.read_here(rows)
    if as_json:
        _print(json.dumps({name: found}, indent=2))
        return
    for row in found:
        _print("  ".join(str(row[column]) if row[column] is not None else "-" for column in columns))


def _print(text: str) -> None:
    sys.stdout.write(f"{text}\n")
