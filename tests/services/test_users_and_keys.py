"""Users and their API keys."""

from __future__ import annotations

import re
from typing import Any

import pytest

from ampost_mcp.context import App
from ampost_mcp.errors import AppError
from ampost_mcp.schemas import KeyCreate, KeyRef, NoArgs
from ampost_mcp.services import keys, users
from storage.keys import KEYS, touch


def create(app: App, email: str, tier: str = "pro") -> dict[str, Any]:
    return app.db.write_here(users.create, app.clock(), email, tier)


async def test_addresses_are_one_whatever_their_case(app: App) -> None:
    made = create(app, "Ana@Example.com")
    assert made["email"] == "ana@example.com"
    with pytest.raises(AppError, match="there already"):
        create(app, "ANA@example.com")
    assert app.db.read_here(users.by_email, " ana@EXAMPLE.com")["id"] == made["id"]


@pytest.mark.parametrize("email", ["", "ana", "@example.com", "ana@", "a na@example.com", "ana@example.com\n.", "a\x00@b.c"])
@pytest.mark.parametrize("db", ["sqlite"], indirect=True)
async def test_what_is_no_address_is_refused(app: App, email: str) -> None:
    with pytest.raises(AppError, match="VALIDATION_FAILED"):
        create(app, email)


async def test_tiers(app: App) -> None:
    create(app, "ana@example.com", "free")
    app.db.write_here(users.set_tier, "ana@example.com", "max")
    assert [(row["email"], row["tier"]) for row in app.db.read_here(users.everyone)] == [("ana@example.com", "max")]
    for email, tier in (("ana@example.com", "gold"), ("ben@example.com", "max")):
        with pytest.raises(AppError):
            app.db.write_here(users.set_tier, email, tier)


async def test_tags_mark_each_user_in_the_search_index(app: App) -> None:
    tags = [create(app, f"user-{number}@example.com")["owner_tag"] for number in range(20)]
    assert len(set(tags)) == 20
    assert all(re.fullmatch("[\ue000-\uf8ff]{3}", tag) for tag in tags)


async def test_a_key_is_found_until_it_is_revoked(app: App, a_user: Any) -> None:
    caller = a_user("max")
    made = await keys.create(app, caller, KeyCreate(name="laptop"))
    raw = made.raw_key
    assert re.fullmatch(r"amp_live_[A-Za-z0-9_-]{43}", raw)
    key, user = app.db.read_here(keys.find, raw)
    assert (key.id, user.id, user.tier, user.owner_tag) == (made.key["id"], caller.user_id, "max", caller.owner_tag)
    assert (await keys.list_keys(app, caller, NoArgs())).keys == [made.key]
    await keys.revoke(app, caller, KeyRef(key_id=key.id))
    assert app.db.read_here(keys.find, raw) is None
    assert (await keys.list_keys(app, caller, NoArgs())).keys == []
    with pytest.raises(AppError, match="NOT_FOUND"):
        await keys.revoke(app, caller, KeyRef(key_id=key.id))


async def test_only_the_whole_key_opens(app: App, a_user: Any, a_key: Any) -> None:
    raw = a_key(a_user())
    for wrong in ("", "amp_live_", raw[:-1], raw + "x", raw.upper(), raw[:21] + "x" * 31, "é" * 52, raw[9:], "\x00"):
        assert app.db.read_here(keys.find, wrong) is None
    assert app.db.read_here(keys.find, raw) is not None


async def test_no_key_is_stored_in_clear(app: App, a_user: Any, a_key: Any) -> None:
    raw = a_key(a_user())
    row = app.db.read_here(lambda s: s.execute(KEYS.select()).mappings().one())
    assert all(raw[21:] not in str(value) for value in row.values())


async def test_another_users_key_cannot_be_revoked(app: App, a_user: Any, a_key: Any) -> None:
    raw = a_key(a_user())
    key, _ = app.db.read_here(keys.find, raw)
    with pytest.raises(AppError, match="NOT_FOUND"):
        await keys.revoke(app, a_user(), KeyRef(key_id=key.id))
    assert app.db.read_here(keys.find, raw) is not None


async def test_the_last_use_is_shown(app: App, a_user: Any, a_key: Any) -> None:
    caller = a_user()
    key, _ = app.db.read_here(keys.find, a_key(caller))
    app.db.write_here(touch, key.id, app.clock())
    assert (await keys.list_keys(app, caller, NoArgs())).keys[0]["lastUsedAt"] == "2026-12-01T12:00:00Z"
    (row,) = app.db.read_here(keys.everyones)
    assert (row["userEmail"], row["revokedAt"]) == (caller.email, None)
