"""Users, keys, sets, accounts and undecided posts, from the command line."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial
from getpass import getpass
from typing import Annotated, Any

import anyio
from pydantic import AfterValidator, BaseModel
from sqlmodel import Session

from ampost_mcp.cli import CommandError
from ampost_mcp.commands.opening import opened
from ampost_mcp.context import App, Caller
from ampost_mcp.parsing import parse, parsed
from ampost_mcp.schemas import KeyCreate, KeyRef, SetCreate, SetUpdate, Wire
from ampost_mcp.services import connections, keys, platform_sets, sessions, settling, users

GIVE_TOKENS = 'Give {"accessToken": "...", "refreshToken": "..."}; refreshToken may be left out.'


def _token(value: str) -> str:
    if not re.fullmatch(r"[!-~]([ -~]*[!-~])?", value):
        raise ValueError("must be a token: printable ASCII, and not empty")
    return value


class GivenTokens(Wire):
    access_token: Annotated[str, AfterValidator(_token)]
    refresh_token: Annotated[str, AfterValidator(_token)] | None = None


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
    rows = partial(platform_sets.everyones, now=datetime.now(UTC))
    _list("sets", json, rows, ("name", "userEmail", "isDefault", "connectionCount", "id"), data_dir)


def connect(
    platform: str, user: str, set_id: str, platform_account_id: str | None, username: str | None,
    expires_in: float | None, data_dir: str | None = None,
) -> None:  # fmt: skip
    tokens = _tokens_from_stdin()

    async def do(app: App, caller: Caller) -> str:
        async with app.http:
            return await connections.connect_with_token(
                app, caller.user_id, set_id, platform, tokens.access_token, tokens.refresh_token, expires_in,
                platform_account_id, username,
            )  # fmt: skip

    _print(_as(user, do, data_dir))


def settle(post: str, platform: str, published: str | None, not_published: bool, data_dir: str | None = None) -> None:
    """Records what a person found out about an outcome that is unknown: the post's link, or None."""
    with opened(data_dir) as app:
        app.db.write_here(settling.decide, post, platform, published, app.clock())


def _tokens_from_stdin() -> GivenTokens:
    """Never says what was given: some of it may be a token."""
    try:
        given = json.loads(sys.stdin.buffer.read())
    except (ValueError, RecursionError):
        raise CommandError(f"What standard input holds is no JSON. {GIVE_TOKENS}") from None
    if not isinstance(given, dict):
        raise CommandError(f"What standard input holds is no JSON object. {GIVE_TOKENS}")
    found, faults = parse(GivenTokens, given)
    if faults or found is None:
        raise CommandError(" ".join([*(fault["message"] for fault in faults), GIVE_TOKENS]))
    return found


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
