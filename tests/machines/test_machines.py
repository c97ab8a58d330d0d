"""Two servers that do not publish and three workers behind a round-robin proxy, on PostgreSQL and Redis."""

from __future__ import annotations

import asyncio
import os
import signal
from collections import Counter
from datetime import UTC, datetime
from typing import Any

import httpx
import psutil
import pytest
from mcp import Client
from sqlalchemy import select
from sqlmodel import Session

from ampost_mcp.services import sessions
from ampost_mcp.tiers import LIMITS
from storage import keys, users
from storage.database import Database
from storage.queue import PLATFORM_POSTS
from tests.edge import wire
from tests.machines.conftest import SERVERS, Site, in_front, redis_server
from tests.mcp_clients import MODES, mcp_client

pytestmark = pytest.mark.asyncio(loop_scope="module")


async def tool(connected: Client, name: str, **arguments: Any) -> dict[str, Any]:
    answer = await connected.call_tool(name, arguments)
    assert not answer.is_error, answer.structured_content
    return dict(answer.structured_content or {})


async def published(http: httpx.AsyncClient, post_id: str) -> dict[str, Any]:
    async with asyncio.timeout(30):
        while (post := (await http.get(f"/api/v1/posts/{post_id}")).json()["post"])["status"] != "published":
            assert post["status"] in ("queued", "posting"), post
            await asyncio.sleep(0.05)
    return dict(post)


@pytest.mark.parametrize("era", MODES)
async def test_the_whole_story_over_mcp_whichever_server_answers(site: Site, era: str) -> None:
    before, text = site.proxy.served.copy(), f"over mcp, {era}"
    async with mcp_client(site.url, site.stage.keys[0], era) as connected:
        assert (await tool(connected, "accounts_list"))["accounts"]
        made = await tool(
            connected, "posts_create", text=text, platforms=["threads", "twitter"], platformSetId=site.stage.sets[0]
        )  # fmt: skip
        post = (await tool(connected, "posts_publish", postId=made["post"]["id"]))["post"]
        assert post["status"] == "published", post
        assert (await tool(connected, "posts_get", postId=post["id"]))["post"] == post
    assert await site.shown(text) == ["threads", "twitter"]
    assert len(site.proxy.served - before) == SERVERS, "every server has answered some of it"


async def test_workers_send_their_spans_where_the_environment_says(site: Site) -> None:
    text = "a text that is in no span"
    async with site.asks(4) as http:
        post = (await http.post("/api/v1/posts", json=site.body(4, text, "threads"))).json()["post"]
        await http.post(f"/api/v1/posts/{post['id']}/publish")
    async with asyncio.timeout(20):
        while not any(post["id"].encode() in each for each in site.spans):
            await asyncio.sleep(0.02)
    everything = b"".join(site.spans)
    assert b"ampost attempt" in everything and b"ampost-mcp" in everything and text.encode() not in everything


async def test_sessions_of_the_older_protocol_stay_on_their_server(site: Site) -> None:
    """Without `AMPOST_STATELESS` the proxy has to keep them there; the newer protocol needs nothing."""
    with redis_server() as redis:
        async with in_front(site.stage, redis, sticky=True) as (url, proxy):
            for era in MODES:
                async with mcp_client(url, site.stage.keys[0], era) as connected:
                    for _ in range(5):
                        assert (await tool(connected, "platform_sets_list"))["sets"]
            headers = {"Authorization": f"Bearer {site.stage.keys[0]}"}
            async with httpx.AsyncClient(trust_env=False, headers=headers, base_url=url) as http:
                session = await wire.begin_session(http)
                assert all([(await _list(http, session)).status_code == 200 for _ in range(4)])
            home = proxy._homes[session["Mcp-Session-Id"]]
            elsewhere = next(server for server in proxy.servers if server != home)
            async with httpx.AsyncClient(trust_env=False, headers=headers, base_url=elsewhere) as http:
                assert (await _list(http, session)).status_code == 404, "which is why"


async def _list(http: httpx.AsyncClient, session: dict[str, str]) -> httpx.Response:
    return await http.post("/mcp", json=wire.message("tools/list"), headers=session)


async def test_limits_are_counted_once(site: Site) -> None:
    db = Database(site.stage.database)
    headers = {"Authorization": f"Bearer {db.write_here(_newcomer)}"}
    db.close()
    most = LIMITS["createPost"][0]["pro"]
    before = site.proxy.served.copy()
    async with httpx.AsyncClient(base_url=site.url, headers=headers, trust_env=False, timeout=60) as http:
        answers = [await http.post("/api/v1/posts", json={}) for _ in range(4)]
        assert [int(answer.headers["x-ratelimit-remaining"]) for answer in answers] == [most - 1 - n for n in range(4)]
        answers += await asyncio.gather(*(http.post("/api/v1/posts", json={}) for _ in range(most + 6)))
    statuses = Counter(answer.status_code for answer in answers)
    assert statuses == {400: most, 429: 10}
    assert len(site.proxy.served - before) == SERVERS


def _newcomer(session: Session) -> str:
    now = datetime.now(UTC)
    return keys.insert(session, users.insert(session, "newcomer@example.com", "pro", now)["id"], "limits", now)[1]


async def test_an_idempotency_key_holds_on_every_server(site: Site) -> None:
    body, key = site.body(1, "asked many times", "threads"), {"Idempotency-Key": "one post"}
    async with site.asks(1) as http:
        answers = await asyncio.gather(*(http.post("/api/v1/posts", json=body, headers=key) for _ in range(8)))
        answers += [await http.post("/api/v1/posts", json=body, headers=key) for _ in range(SERVERS)]
        made = [answer for answer in answers if answer.status_code == 201]
        assert len({answer.text for answer in made}) == 1 and len(made) > SERVERS
        assert {answer.status_code for answer in answers} <= {201, 409}
        listed = (await http.get("/api/v1/posts", params={"search": "asked many times"})).json()["posts"]
        post_id = made[0].json()["post"]["id"]
        assert [post["id"] for post in listed] == [post_id]
        other = await http.post("/api/v1/posts", json={**body, "platforms": ["twitter"]}, headers=key)
        assert other.json()["error"]["code"] == "IDEMPOTENCY_KEY_REUSED"
        publish, key = f"/api/v1/posts/{post_id}/publish", {"Idempotency-Key": "one publish"}
        answers = [await http.post(publish, headers=key) for _ in range(2 * SERVERS)]
        assert [answer.status_code for answer in answers] == [200] * len(answers)
        assert len({answer.text for answer in answers}) == 1
    assert await site.shown("asked many times") == ["threads"]


async def test_a_token_is_refreshed_once_for_all_processes(site: Site) -> None:
    """X's refresh tokens are good once; the servers and a worker all want a new one at the same time."""
    lane, world = 2, site.stage.world
    before = world.counts["twitter", "token"]
    await site.stage.fault("twitter", "token", "delay", delay=2)
    cookies = {sessions.COOKIE: site.stage.lanes[lane].cookie}
    async with site.asks(lane) as http, httpx.AsyncClient(
        base_url=site.url, cookies=cookies, headers={"Origin": site.url}, trust_env=False, timeout=30
    ) as browser:  # fmt: skip
        found = (await http.get("/api/v1/accounts", params={"platform": "twitter"})).json()["accounts"]
        post = (await http.post("/api/v1/posts", json=site.body(lane, "with a new token", "twitter"))).json()["post"]
        publishing = asyncio.create_task(http.post(f"/api/v1/posts/{post['id']}/publish"))
        wanted = {"accountId": found[0]["id"]}
        answers = await asyncio.gather(*(browser.post("/api/platforms/twitter/refresh", json=wanted) for _ in range(6)))
        assert [answer.status_code for answer in answers] == [200] * 6, answers[0].text
        await publishing
        await published(http, post["id"])
        assert (await http.get(f"/api/v1/accounts/{found[0]['id']}")).json()["account"]["tokenHealth"]["state"] == "ok"
    assert world.counts["twitter", "token"] - before == 1
    assert await site.shown("with a new token") == ["twitter"]


async def test_workers_share_the_posts_and_one_that_stops_hands_its_own_over(site: Site) -> None:
    await site.stage.control("settings", {"answerDelay": 0.15})
    texts = [(lane, f"of many {lane} {number}") for lane in range(len(site.stage.keys)) for number in range(3)]
    owners: set[str] = set()
    db = Database(site.stage.database)
    try:
        ids = await asyncio.gather(*(_publish(site, lane, text) for lane, text in texts))
        async with asyncio.timeout(20):
            while len(owners) < 2:
                owners |= set(await db.read(lambda session: session.execute(OWNERS).scalars().all()))
                await asyncio.sleep(0.01)
        leaving = site.workers.pop()
        leaving.signal(signal.SIGTERM)
        for (lane, _), post_id in zip(texts, ids, strict=True):
            async with site.asks(lane) as http:
                await published(http, post_id)
        assert await leaving.gone(10)
    finally:
        db.close()
        await site.stage.control("settings", {"answerDelay": 0})
    assert [await site.shown(text) for _, text in texts] == [["threads", "twitter"]] * len(texts)


OWNERS = select(PLATFORM_POSTS.c.owner).where(PLATFORM_POSTS.c.owner.is_not(None)).distinct()


async def _publish(site: Site, lane: int, text: str) -> str:
    """Asks for it without waiting for the outcome."""
    async with site.asks(lane) as http:
        post_id = (await http.post("/api/v1/posts", json=site.body(lane, text, "threads", "twitter"))).json()["post"]["id"]
        asked = asyncio.create_task(http.post(f"/api/v1/posts/{post_id}/publish"))
        async with asyncio.timeout(20):
            while (await http.get(f"/api/v1/posts/{post_id}")).json()["post"]["status"] == "draft":
                await asyncio.sleep(0.02)
        asked.cancel()
    return str(post_id)


async def test_servers_whose_redis_went_away_go_on_without_limits(site: Site) -> None:
    headers = {"Authorization": f"Bearer {site.stage.keys[3]}"}
    with redis_server() as redis:
        async with (
            in_front(site.stage, redis, sticky=False) as (url, _),
            httpx.AsyncClient(base_url=url, headers=headers, trust_env=False, timeout=10) as http,
        ):
            assert "x-ratelimit-limit" in (await http.get("/api/v1/posts")).headers
            os.kill(_listener(redis), signal.SIGSTOP)  # it still takes connections, and says nothing
            answers = await asyncio.gather(*(http.get("/api/v1/posts") for _ in range(10)))
            assert {answer.status_code for answer in answers} == {200}
            assert all("x-ratelimit-limit" not in answer.headers for answer in answers)
            os.kill(_listener(redis), signal.SIGCONT)


def _listener(port: int) -> int:
    """The process that listens on a port."""
    return next(c.pid for c in psutil.net_connections("tcp") if c.status == "LISTEN" and c.laddr.port == port and c.pid)
