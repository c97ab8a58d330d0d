"""One key, one answer, whichever door."""

from __future__ import annotations

import asyncio

import httpx
import pytest

from tests.edge.conftest import Owner, Site, through


def draft(owner: Owner, text: str = "Once") -> dict[str, object]:
    return {"text": text, "platforms": ["threads"], "platformSetId": owner.set_id}


@pytest.mark.parametrize(("first", "second"), [("rest", "legacy"), ("modern", "rest"), ("legacy", "modern")])
async def test_the_same_request_is_answered_the_same_at_another_door(site: Site, owner: Owner, first: str, second: str) -> None:
    arguments = {**draft(owner), "idempotencyKey": "one"}
    made = await through(site, owner.key, first, "posts_create", arguments)
    again = await through(site, owner.key, second, "posts_create", {**arguments, "scheduledFor": None})
    assert again == made
    other = await through(site, owner.key, second, "posts_create", {**arguments, "text": "Twice"})
    assert other["error"]["code"] == "IDEMPOTENCY_KEY_REUSED"
    listed = await through(site, owner.key, "rest", "posts_list", {})
    assert [post["id"] for post in listed["posts"]] == [made["post"]["id"]]


async def test_another_users_key_is_unrelated(site: Site, owner: Owner) -> None:
    stranger = site.owner()
    ids = set()
    for who in (owner, stranger):
        made = await through(site, who.key, "rest", "posts_create", {**draft(who), "idempotencyKey": "same"})
        ids.add(made["post"]["id"])
    assert len(ids) == 2


async def test_a_refused_request_may_be_mended_under_its_key(site: Site, owner: Owner) -> None:
    wrong = {**draft(owner, "x" * 501), "idempotencyKey": "mend"}
    assert (await through(site, owner.key, "modern", "posts_create", wrong))["error"]["code"] == "CONTENT_TOO_LONG"
    made = await through(site, owner.key, "modern", "posts_create", {**wrong, "text": "short"})
    assert made["post"]["text"] == "short"


async def test_publishing_twice_under_one_key_publishes_once(site: Site, owner: Owner) -> None:
    post = (await through(site, owner.key, "rest", "posts_create", draft(owner)))["post"]
    arguments = {"postId": post["id"], "idempotencyKey": "publish"}
    answers = await asyncio.gather(
        *(through(site, owner.key, door, "posts_publish", arguments) for door in ("rest", "legacy", "modern", "rest"))
    )
    codes = [answer["error"]["code"] for answer in answers if "error" in answer]
    assert set(codes) <= {"IDEMPOTENCY_IN_PROGRESS"}
    assert any(answer.get("post", {}).get("status") == "published" for answer in answers)
    again = await through(site, owner.key, "modern", "posts_publish", arguments)
    assert again["post"]["platformPosts"][0]["attempts"] == 1


@pytest.mark.parametrize("key", ["", "x" * 256, "\xe9"])
async def test_a_strange_key_is_refused(http: httpx.AsyncClient, owner: Owner, key: str) -> None:
    headers = {"Idempotency-Key": key.encode("latin-1")}
    answer = await http.post("/api/v1/platform-sets", json={"name": "A"}, headers=headers)
    assert (answer.status_code, answer.json()["error"]["code"]) == (400, "VALIDATION_FAILED")


async def test_every_post_route_takes_a_key(http: httpx.AsyncClient) -> None:
    made = [
        (await http.post(path, json={"name": "A"}, headers={"Idempotency-Key": "set"})).json()
        for path in ("/api/v1/platform-sets", "/api/platforms/sets")
    ]
    assert made[0] == made[1]
