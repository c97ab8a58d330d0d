"""Counting: what counts as what, and how the caller learns of it."""

from __future__ import annotations

import time

import httpx
import pytest

from ampost_mcp.tiers import LIMITS
from tests.edge import wire
from tests.edge.conftest import Ask, Owner, Site

#: From the specification.
TABLE = {
    "createPost": (30, 300, 1000), "publishPost": (10, 100, 500), "connectPlatform": (5, 20, 50),
    "mediaUpload": (30, 200, 500), "apiRead": (100, 600, 2000),
}  # fmt: skip


def test_the_limits_are_the_specifications() -> None:
    assert {name: tuple(amounts[t] for t in ("free", "pro", "max")) for name, (amounts, _) in LIMITS.items()} == TABLE


async def remaining(http: httpx.AsyncClient, method: str, path: str, **more: object) -> int:
    answer = await http.request(method, path, **more)  # type: ignore[arg-type]
    return int(answer.headers["x-ratelimit-remaining"])


async def test_every_authenticated_rest_answer_says_what_is_left(http: httpx.AsyncClient) -> None:
    before = time.time()
    answer = await http.get("/api/v1/accounts")
    assert answer.headers["x-ratelimit-limit"] == "2000"
    assert answer.headers["x-ratelimit-remaining"] == "1999"
    assert before < int(answer.headers["x-ratelimit-reset"]) <= before + 62
    # Reads share one window; a request counts whether it is valid or not, and its error says so too.
    assert await remaining(http, "GET", "/api/v1/posts?limit=0") == 1998
    assert await remaining(http, "GET", "/api/v1/posts/unknown") == 1997
    assert await remaining(http, "POST", "/api/v1/posts", content=b"{") == 999
    assert await remaining(http, "POST", "/api/v1/posts/unknown/publish") == 998
    assert await remaining(http, "POST", "/api/platforms/sets", json={"name": "A"}) == 997


async def test_without_a_key_nothing_is_counted(http: httpx.AsyncClient) -> None:
    answer = await http.get("/api/v1/posts", headers={"Authorization": "Bearer wrong"})
    assert "x-ratelimit-limit" not in answer.headers


async def test_tools_count_as_their_own_operations(http: httpx.AsyncClient, site: Site, owner: Owner) -> None:
    session = await wire.begin_session(http)
    for method in ("tools/list", "prompts/list", "ping"):
        await http.post("/mcp", json=wire.message(method), headers=session)
    for tool in ("posts_get", "posts_publish", "posts_retry", "posts_update"):
        body, headers = wire.tool_call(tool, {})
        await http.post("/mcp", json=body, headers=headers)
    assert await remaining(http, "GET", "/api/v1/posts") == 2000 - 1 - 1
    assert await remaining(http, "DELETE", "/api/v1/posts/unknown") == 1000 - 1 - 1


async def test_a_used_up_limit_says_when_to_come_back(site: Site) -> None:
    owner = site.owner(tier="pro")
    async with httpx.AsyncClient(base_url=site.url, headers=owner.headers, trust_env=False) as http:
        for _ in range(100):
            body, headers = wire.tool_call("posts_publish", {})
            await http.post("/mcp", json=body, headers=headers)
        error = wire.result_of(await http.post("/mcp", json=body, headers=headers))["structuredContent"]["error"]
        assert (error["code"], error["retryable"]) == ("RATE_LIMITED", True)
        assert 3500 < error["details"][0]["retryAfter"] <= 3600
        # Over REST, publishing counts as createPost, of which there is plenty.
        assert (await http.post("/api/v1/posts/unknown/publish")).status_code == 404


async def test_429_has_retry_after(site: Site) -> None:
    owner = site.owner(tier="pro")
    async with httpx.AsyncClient(base_url=site.url, headers=owner.headers, trust_env=False) as http:
        answers = [await http.post("/api/v1/posts", json={}) for _ in range(301)]
    assert {answer.status_code for answer in answers[:300]} == {400}
    last = answers[-1]
    assert (last.status_code, last.headers["x-ratelimit-remaining"]) == (429, "0")
    assert last.json()["error"]["details"][0]["retryAfter"] == int(last.headers["retry-after"])


@pytest.mark.parametrize("door", ["modern"], indirect=True)
async def test_users_do_not_share_a_window(ask: Ask, site: Site, http: httpx.AsyncClient) -> None:
    await ask("posts_list", key=site.owner().key)
    assert await remaining(http, "GET", "/api/v1/posts") == 1999
