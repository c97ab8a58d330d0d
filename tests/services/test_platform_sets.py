"""Platform sets: limits, the default, renaming, deleting."""

from __future__ import annotations

from typing import Any

import pytest

from ampost_mcp.context import App, Caller
from storage import accounts
from tests.clock import Clock
from tests.services.conftest import Ask

NOBODYS = "0d0e3a2f-0000-4000-8000-000000000000"


async def test_a_new_user_has_a_default_set(ask: Ask, a_user: Any, an_account: Any) -> None:
    caller = a_user()
    an_account(caller, "threads")
    (found,) = (await ask(caller, "platform_sets_list"))["sets"]
    now = "2026-12-01T12:00:00Z"
    assert found == {
        "id": found["id"], "userId": caller.user_id, "name": "Default", "isDefault": True, "createdAt": now,
        "updatedAt": now, "connectionCount": 1,
    }  # fmt: skip


@pytest.mark.parametrize("name", ["x", "x" * 50, "  padded  ", "名前"])
async def test_names_that_are_taken(ask: Ask, a_user: Any, name: str) -> None:
    made = (await ask(a_user(), "platform_sets_create", name=name))["set"]
    assert (made["name"], made["isDefault"], made["connectionCount"]) == (name.strip(), False, 0)


@pytest.mark.parametrize("raw", [{}, {"name": ""}, {"name": "  "}, {"name": "x" * 51}, {"name": 5}, {"name": None},
                                 {"name": "a\nb"}, {"name": "a\x00"}, {"name": "a", "isDefault": True}])  # fmt: skip
async def test_names_that_are_refused(refused: Ask, a_user: Any, raw: dict[str, Any]) -> None:
    assert (await refused(a_user(), "platform_sets_create", **raw))["code"] == "VALIDATION_FAILED"


async def test_the_21st_set_is_refused(ask: Ask, refused: Ask, a_user: Any) -> None:
    caller = a_user()
    for number in range(19):
        await ask(caller, "platform_sets_create", name=f"Set {number}")
    answer = await refused(caller, "platform_sets_create", name="One more")
    assert answer["code"] == "VALIDATION_FAILED"
    assert answer["error"].details[0]["limit"] == 20
    assert len((await ask(caller, "platform_sets_list"))["sets"]) == 20
    await ask(a_user(), "platform_sets_create", name="Another user's first")


async def test_renaming(ask: Ask, a_user: Any, a_set: Any, clock: Clock) -> None:
    caller = a_user()
    set_id = a_set(caller, "Old")
    clock.forward(minutes=1)
    found = (await ask(caller, "platform_sets_rename", platformSetId=set_id, name="New"))["set"]
    assert (found["id"], found["name"], found["updatedAt"]) == (set_id, "New", "2026-12-01T12:01:00Z")


async def test_one_set_is_the_default(ask: Ask, a_user: Any, a_set: Any) -> None:
    caller = a_user()
    former, set_id = a_set(caller), a_set(caller, "Other")
    await ask(caller, "platform_sets_rename", platformSetId=set_id, isDefault=True, name="Main")
    found = {one["id"]: (one["name"], one["isDefault"]) for one in (await ask(caller, "platform_sets_list"))["sets"]}
    assert found == {former: ("Default", False), set_id: ("Main", True)}
    await ask(caller, "platform_sets_rename", platformSetId=set_id, isDefault=True)
    assert (await ask(caller, "platform_sets_delete", platformSetId=former)) == {"success": True}


@pytest.mark.parametrize("raw", [{}, {"isDefault": False}, {"isDefault": None}, {"name": None}, {"name": "x" * 51}])
async def test_changes_that_are_refused(refused: Ask, a_user: Any, a_set: Any, raw: dict[str, Any]) -> None:
    caller = a_user()
    answer = await refused(caller, "platform_sets_rename", platformSetId=a_set(caller), **raw)
    assert answer["code"] == "VALIDATION_FAILED"


async def test_another_users_set(ask: Ask, refused: Ask, a_user: Any, a_set: Any) -> None:
    owner, stranger = a_user(), a_user()
    theirs = a_set(owner, "Theirs")
    code = (await refused(stranger, "platform_sets_rename", platformSetId=theirs, name="Mine"))["code"]
    assert code == "FORBIDDEN"
    for raw in ({"platformSetId": theirs, "isDefault": True}, {"platformSetId": NOBODYS, "name": "Mine"}):
        assert (await refused(stranger, "platform_sets_rename", **raw))["code"] == "PLATFORM_SET_NOT_FOUND"
    deleting = [await refused(stranger, "platform_sets_delete", platformSetId=id) for id in (theirs, NOBODYS)]
    assert deleting[0]["error"] == deleting[1]["error"]
    assert deleting[0]["code"] == "PLATFORM_SET_NOT_FOUND"
    assert "Theirs" in [one["name"] for one in (await ask(owner, "platform_sets_list"))["sets"]]


async def test_the_default_set_stays(refused: Ask, a_user: Any, a_set: Any) -> None:
    caller = a_user()
    answer = await refused(caller, "platform_sets_delete", platformSetId=a_set(caller))
    assert answer["code"] == "VALIDATION_FAILED"
    assert answer["error"].hint


async def test_deleting_a_set_revokes_its_accounts(
    app: App, ask: Ask, refused: Ask, write: Ask, a_user: Any, a_set: Any, an_account: Any
) -> None:
    caller: Caller = a_user()
    set_id, kept = a_set(caller, "Doomed"), an_account(caller, "twitter")
    account_id = an_account(caller, "threads", set_id, refresh_token="sealed")
    draft = await write(caller, set_id=set_id)
    await ask(caller, "platform_sets_delete", platformSetId=set_id)
    account = (await ask(caller, "accounts_get", accountId=account_id))["account"]
    assert (account["status"], account["platformSetId"]) == ("revoked", set_id)
    row = app.db.read_here(accounts.get, caller.user_id, account_id)
    assert (row["access_token"], row["refresh_token"]) == (None, None)
    assert [one["id"] for one in (await ask(caller, "accounts_list"))["accounts"]] == [kept]
    assert (await ask(caller, "posts_get", postId=draft["id"]))["post"]["status"] == "draft"
    assert (await refused(caller, "posts_publish", postId=draft["id"]))["code"] == "PLATFORM_NOT_CONNECTED"
    raw = {"content": {"text": "Hi"}, "platforms": ["threads"], "platformSetId": set_id}
    assert (await refused(caller, "posts_create", **raw))["code"] == "PLATFORM_SET_NOT_FOUND"
