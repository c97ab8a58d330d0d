"""One fault, one error, word for word: over REST, in MCP's sessions and without them, on both databases."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from storage import platform_sets, users
from tests.edge import wire
from tests.edge.conftest import EACH_DATABASE, NOWHERE, Owner, Site, through, without_id

pytestmark = EACH_DATABASE
DOORS = ("rest", "legacy", "modern")


async def error_at_every_door(site: Site, key: str, operation: str, arguments: dict[str, Any]) -> dict[str, Any]:
    """The error that all doors give; fails where one gives another."""
    errors = [without_id(await through(site, key, door, operation, arguments)) for door in DOORS]
    assert errors[0] == errors[1] == errors[2]
    return errors[0]


#: Wrong requests, by the codes of their faults.
WRONG: dict[str, tuple[str, dict[str, Any], list[str]]] = {
    "unknown field": ("posts_create", {"txet": "Hello"}, ["VALIDATION_FAILED"]),
    "too long": ("posts_create", {"text": "x" * 501}, ["CONTENT_TOO_LONG"]),
    "no platforms": ("posts_create", {"platforms": []}, ["NO_PLATFORMS_SELECTED"]),
    "not connected": ("posts_create", {"platforms": ["twitter"]}, ["PLATFORM_NOT_CONNECTED"]),
    "needs media": ("posts_create", {"platforms": ["instagram"]}, ["PLATFORM_NOT_CONNECTED", "UNSUPPORTED_MEDIA_CONFIG"]),
    "naive time": ("posts_create", {"scheduledFor": "2026-06-01T09:00:00"}, ["VALIDATION_FAILED"]),
    "three faults": (
        "posts_create", {"text": "x" * 501, "txet": 1, "scheduledFor": "yesterday"},
        ["CONTENT_TOO_LONG", "VALIDATION_FAILED", "VALIDATION_FAILED"],
    ),
    "no such post": ("posts_get", {"postId": NOWHERE}, ["POST_NOT_FOUND"]),
    "no such account": ("accounts_get", {"accountId": NOWHERE}, ["ACCOUNT_NOT_FOUND"]),
    "no such set": ("platform_sets_delete", {"platformSetId": NOWHERE}, ["PLATFORM_SET_NOT_FOUND"]),
    "retry of no platform": ("posts_retry", {"postId": NOWHERE, "platforms": []}, ["NO_PLATFORMS_SELECTED"]),
    "nothing to retry": ("posts_retry", {"postId": NOWHERE}, ["POST_NOT_FOUND"]),
    "name too long": ("platform_sets_create", {"name": "x" * 51}, ["VALIDATION_FAILED"]),
    "limit": ("posts_list", {"limit": 0}, ["VALIDATION_FAILED"]),
    "offset": ("posts_list", {"offset": -1}, ["VALIDATION_FAILED"]),
    "status": ("posts_list", {"status": "lost"}, ["VALIDATION_FAILED"]),
    "platform": ("accounts_list", {"platform": "bluesky"}, ["VALIDATION_FAILED"]),
    "empty patch": ("posts_update", {"postId": NOWHERE}, ["VALIDATION_FAILED"]),
}  # fmt: skip


@pytest.mark.parametrize("case", WRONG)
async def test_a_wrong_request(case: str, site: Site, owner: Owner) -> None:
    operation, arguments, codes = WRONG[case]
    if operation == "posts_create":
        arguments = {"text": "Hello", "platforms": ["threads"], "platformSetId": owner.set_id, **arguments}
    error = await error_at_every_door(site, owner.key, operation, arguments)
    assert sorted(detail["code"] for detail in error["details"]) == codes


async def test_texts_that_two_platforms_find_too_long(site: Site) -> None:
    owner = site.owner(platforms=("threads", "twitter"))
    arguments = {"text": "x" * 600, "platforms": ["threads", "twitter"], "platformSetId": owner.set_id}
    error = await error_at_every_door(site, owner.key, "posts_create", arguments)
    assert error["code"] == "CONTENT_TOO_LONG"
    found = {detail["platform"]: (detail["field"], detail["limit"], detail["actual"]) for detail in error["details"]}
    assert found == {"threads": ("content.text", 500, 600), "twitter": ("content.text", 280, 600)}


@pytest.mark.parametrize("operation", ["posts_get", "posts_update", "posts_delete", "posts_publish", "posts_retry"])
async def test_another_users_post(operation: str, site: Site, owner: Owner) -> None:
    more = {"text": "Mine now"} if operation == "posts_update" else {}
    draft = {"text": "Theirs", "platforms": ["threads"], "platformSetId": owner.set_id}
    post = (await through(site, owner.key, "rest", "posts_create", draft))["post"]
    key = site.owner().key
    theirs = await error_at_every_door(site, key, operation, {"postId": post["id"], **more})
    nobodys = await error_at_every_door(site, key, operation, {"postId": NOWHERE, **more})
    assert theirs == nobodys
    assert theirs["code"] == "POST_NOT_FOUND"
    assert theirs["details"] == [{"code": "POST_NOT_FOUND", "field": "postId"}]
    assert (await through(site, owner.key, "rest", "posts_get", {"postId": post["id"]}))["post"] == post


async def test_another_users_set_and_account(site: Site, owner: Owner) -> None:
    key = site.owner().key
    account = (await through(site, owner.key, "rest", "accounts_list", {}))["accounts"][0]
    for operation, name, id in (
        ("accounts_get", "accountId", account["id"]), ("platform_sets_delete", "platformSetId", owner.set_id),
    ):  # fmt: skip
        theirs = await error_at_every_door(site, key, operation, {name: id})
        assert theirs == await error_at_every_door(site, key, operation, {name: NOWHERE})
    # The specification's one exception.
    renamed = {"platformSetId": owner.set_id, "name": "Mine"}
    assert (await error_at_every_door(site, key, "platform_sets_rename", renamed))["code"] == "FORBIDDEN"


async def test_the_21st_set(site: Site, owner: Owner) -> None:
    for number in range(19):
        site.app.db.write_here(platform_sets.insert, owner.user_id, f"Set {number}", site.app.clock())
    error = await error_at_every_door(site, owner.key, "platform_sets_create", {"name": "One more"})
    assert (error["code"], error["details"][0]["limit"]) == ("VALIDATION_FAILED", 20)
    assert len((await through(site, owner.key, "rest", "platform_sets_list", {}))["sets"]) == 20


async def test_the_free_tier(site: Site, owner: Owner) -> None:
    site.app.db.write_here(users.change, owner.user_id, tier="free")
    body, headers = wire.tool_call("posts_list", {})
    async with httpx.AsyncClient(base_url=site.url, headers=owner.headers, trust_env=False) as http:
        answers = [
            await http.get("/api/v1/posts"), await http.get("/api/platforms/sets"),
            await http.post("/mcp", json=wire.initialize(), headers=wire.ACCEPT),
            await http.post("/mcp", json=body, headers=headers),
        ]  # fmt: skip
    assert [answer.status_code for answer in answers] == [403] * 4
    errors = [without_id(answer.json()) for answer in answers]
    assert errors[0]["code"] == "PLAN_UPGRADE_REQUIRED"
    assert errors == [errors[0]] * 4


async def test_a_used_up_limit(site: Site) -> None:
    owner = site.owner(tier="pro")
    async with httpx.AsyncClient(base_url=site.url, headers=owner.headers, trust_env=False) as http:
        for _ in range(300):
            await http.post("/api/v1/posts", content=b"")
        refused = await http.post("/api/v1/posts", json={})
    assert (refused.status_code, refused.json()["error"]["code"]) == (429, "RATE_LIMITED")
    assert int(refused.headers["retry-after"]) == refused.json()["error"]["details"][0]["retryAfter"]
    errors = [without_id(await through(site, owner.key, door, "posts_create", {})) for door in DOORS]
    waits = [error["details"][0].pop("retryAfter") for error in errors]
    assert 3500 < min(waits) <= max(waits) <= 3600
    for error, wait in zip(errors, waits, strict=True):
        assert error.pop("hint") == f"Wait {wait} seconds, then send the same request again."
    assert errors == [errors[0]] * 3


async def test_a_schedule_in_the_past(site: Site, owner: Owner) -> None:
    past = (datetime.now(UTC) - timedelta(days=1)).isoformat()
    arguments = {"text": "Late", "platforms": ["threads"], "platformSetId": owner.set_id, "scheduledFor": past}
    error = await error_at_every_door(site, owner.key, "posts_create", arguments)
    assert "scheduledFor" in [detail["field"] for detail in error["details"]]
