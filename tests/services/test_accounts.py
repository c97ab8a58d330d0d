"""Accounts as they are shown, and how a set's slot changes hands."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from ampost_mcp.context import App, Caller
from storage import accounts
from storage.queue import ACCOUNTS, PLATFORM_POSTS
from storage.sealing import Keyring
from tests.clock import Clock
from tests.services.conftest import Ask

NOBODYS = "0d0e3a2f-0000-4000-8000-000000000000"


async def test_an_account_has_every_field_and_no_secret(ask: Ask, a_user: Any, an_account: Any, a_set: Any) -> None:
    caller = a_user()
    account_id = an_account(
        caller, "linkedin", refresh_token="a sealed secret", display_name="Ana", scopes=["openid"], details={"sub": "1"}
    )
    account = (await ask(caller, "accounts_get", accountId=account_id))["account"]
    now = "2026-12-01T12:00:00Z"
    assert account == {
        "id": account_id, "userId": caller.user_id, "platform": "linkedin", "platformSetId": a_set(caller),
        "platformAccountId": "remote-1", "username": "linkedin-1", "displayName": "Ana", "avatarUrl": None,
        "status": "active", "scopes": ["openid"],
        "tokenHealth": {"state": "ok", "expiresAt": None, "lastRefreshedAt": None, "lastError": None},
        "metadata": {"organizationPosting": {"enabled": False, "reason": account["metadata"]["organizationPosting"]["reason"]},
                     "sub": "1"},
        "createdAt": now, "updatedAt": now,
    }  # fmt: skip
    assert "not open yet" in account["metadata"]["organizationPosting"]["reason"]
    assert (await ask(caller, "accounts_list"))["accounts"] == [account]


async def test_lists_by_platform_and_set(ask: Ask, a_user: Any, an_account: Any, a_set: Any) -> None:
    caller = a_user()
    other = a_set(caller, "Other")
    ids = [an_account(caller, "threads"), an_account(caller, "twitter"), an_account(caller, "threads", other)]

    async def found(**raw: Any) -> set[int]:
        return {ids.index(one["id"]) for one in (await ask(caller, "accounts_list", **raw))["accounts"]}

    assert await found() == {0, 1, 2}
    assert await found(platform="threads") == {0, 2}
    assert await found(platformSetId=other) == {2}
    assert await found(platform="twitter", platformSetId=other) == set()
    assert await found(platformSetId=NOBODYS) == set()


async def test_another_users_account_answers_like_none(ask: Ask, refused: Ask, a_user: Any, an_account: Any) -> None:
    owner, stranger = a_user(), a_user()
    theirs = await refused(stranger, "accounts_get", accountId=an_account(owner, "threads"))
    none = await refused(stranger, "accounts_get", accountId=NOBODYS)
    assert theirs["code"] == "ACCOUNT_NOT_FOUND"
    assert theirs["error"] == none["error"]
    assert (await ask(stranger, "accounts_list"))["accounts"] == []


@pytest.mark.parametrize(
    ("platform", "columns", "after", "state", "status"),
    [
        ("linkedin", {}, {}, "ok", "active"),
        ("linkedin", {"token_expires_at": 60}, {"days": 50}, "ok", "active"),
        ("linkedin", {"token_expires_at": 60}, {"days": 54}, "expiring", "active"),
        ("linkedin", {"token_expires_at": 60}, {"days": 60}, "expired", "expired"),
        ("twitter", {"token_expires_at": 0.1, "refresh_token": "sealed"}, {"days": 1}, "ok", "active"),
        ("tiktok", {"token_expires_at": 1, "refresh_token": "x", "refresh_expires_at": 365}, {"days": 360}, "expiring", "active"),
        ("tiktok", {"token_expires_at": 1, "refresh_token": "x", "refresh_expires_at": 365}, {"days": 365}, "expired", "expired"),
        ("threads", {"token_expires_at": 60}, {"days": 61}, "expired", "expired"),
        ("threads", {"reconnect_required": True}, {}, "reconnect_required", "expired"),
    ],
)  # fmt: skip
async def test_token_health(
    app: App, ask: Ask, a_user: Any, an_account: Any, clock: Clock, platform: str, columns: dict[str, Any],
    after: dict[str, float], state: str, status: str,
) -> None:  # fmt: skip
    at: dict[str, datetime] = {
        name: clock() + timedelta(days=days) for name, days in columns.items() if name.endswith("expires_at")
    }
    caller = a_user()
    account_id = an_account(caller, platform, **(columns | at))
    clock.forward(**after)
    account = (await ask(caller, "accounts_get", accountId=account_id))["account"]
    assert (account["tokenHealth"]["state"], account["status"]) == (state, status)
    (its_set,) = (await ask(caller, "platform_sets_list"))["sets"]
    assert its_set["connectionCount"] == (status == "active")


@pytest.mark.parametrize("columns", [{"reconnect_required": True}, {"token_expires_at": datetime(2026, 12, 1, 12, tzinfo=UTC)}])
async def test_an_account_that_is_not_active_publishes_nothing(
    app: App, ask: Ask, refused: Ask, write: Ask, a_user: Any, an_account: Any, a_set: Any, columns: dict[str, Any]
) -> None:
    """It is refused before anything starts, and the post stays as it was."""
    caller = a_user()
    account_id = an_account(caller, "threads")
    draft = await write(caller, "draft")
    app.db.write_here(lambda s: s.execute(ACCOUNTS.update().where(ACCOUNTS.c.id == account_id).values(**columns)))
    for tool, arguments in (
        ("posts_publish", {"postId": draft["id"]}),
        ("posts_create", {"content": {"text": "new"}, "platforms": ["threads"], "platformSetId": a_set(caller)}),
        ("posts_update", {"postId": draft["id"], "platforms": ["threads"]}),
    ):
        error = await refused(caller, tool, **arguments)
        assert error["faults"] == {("platforms", "PLATFORM_NOT_CONNECTED")}, tool
    assert (await ask(caller, "posts_get", postId=draft["id"]))["post"] == draft


def reconnect(app: App, caller: Caller, set_id: str, remote_id: str) -> str:
    return app.db.write_here(
        accounts.connect, caller.user_id, set_id, "threads", remote_id, lambda _: {"access_token": "sealed"}, app.clock()
    )


async def test_the_same_identity_keeps_its_account(app: App, ask: Ask, a_user: Any, an_account: Any, a_set: Any) -> None:
    caller = a_user()
    account_id = an_account(caller, "threads", reconnect_required=True, status="expired", last_error="gone")
    assert reconnect(app, caller, a_set(caller), "remote-1") == account_id
    account = (await ask(caller, "accounts_get", accountId=account_id))["account"]
    assert (account["status"], account["tokenHealth"]["lastError"]) == ("active", None)


async def test_another_identity_replaces_the_account_and_takes_over_its_work(
    app: App, ask: Ask, write: Ask, a_user: Any, an_account: Any, a_set: Any
) -> None:
    caller = a_user()
    former = an_account(caller, "threads")
    draft, published = await write(caller, "draft"), await write(caller, "published")
    app.db.write_here(lambda s: s.execute(
        PLATFORM_POSTS.update().where(PLATFORM_POSTS.c.post_id == published["id"]).values(status="published")
    ))  # fmt: skip
    following = reconnect(app, caller, a_set(caller), "somebody else")
    assert [one["id"] for one in (await ask(caller, "accounts_list"))["accounts"]] == [following]
    assert (await ask(caller, "accounts_get", accountId=former))["account"]["status"] == "revoked"

    async def account_of(post: dict[str, Any]) -> str:
        return str((await ask(caller, "posts_get", postId=post["id"]))["post"]["platformPosts"][0]["accountId"])

    assert await account_of(draft) == following
    assert await account_of(published) == former


async def test_tokens_are_sealed_anew_with_the_first_key(app: App, a_user: Any, an_account: Any) -> None:
    caller = a_user()
    account_id = an_account(caller, "threads")
    newer = Keyring({**Keyring.of(["another secret of thirty-two characters"]).keys, **app.keyring.keys})
    assert app.db.write_here(accounts.reseal, newer) == 1
    assert app.db.write_here(accounts.reseal, newer) == 0
    row = app.db.read_here(accounts.get, caller.user_id, account_id)
    assert newer.is_current(row["access_token"])
    assert newer.open(row["access_token"], caller.user_id, account_id, "access_token") == f"token-of-{account_id}"
