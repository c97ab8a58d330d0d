"""What users, agents and platforms do all the time: both doors, both eras of MCP, every kind of end, and faults."""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import httpx2
from mcp import Client, MCPError

from tests.edge import wire
from tests.mcp_clients import mcp_client
from tests.prove.stage import Stage

TEXT, PICTURE = ("threads", "twitter", "facebook", "linkedin"), ("instagram", "threads", "twitter", "facebook", "linkedin")
#: Nothing that makes an account unusable for good.
FAULTS = ("refuse", "rate_limit", "error_before", "hang", "error_after", "lose_answer", "truncate")
#: How often each part of the load runs (seconds). The publishes stay within the limits of `LANES` users.
LANES = 24
PACE = {"post_over_rest": 0.7, "post_over_mcp": 2.0, "read": 0.4, "listen": 5.0, "break_something": 2.0}


class Load:
    """`done` counts what was asked for; `wrong` what no server may answer, with an example of each."""

    def __init__(self, stage: Stage, url: str, seed: int) -> None:
        self.stage, self.url, self.choose = stage, url, random.Random(seed)
        self.done: Counter[str] = Counter()
        self.wrong: dict[str, str] = {}
        self._number = 0

    async def run(self, until: Callable[[], bool]) -> None:
        async with asyncio.TaskGroup() as tasks:
            for name, seconds in PACE.items():
                tasks.create_task(self._repeat(getattr(self, name), seconds, until))

    async def _repeat(self, do: Callable[[], Awaitable[None]], seconds: float, until: Callable[[], bool]) -> None:
        while not until():
            try:
                await do()
                self.done[do.__name__] += 1
            except* (httpx.HTTPError, httpx2.HTTPError, MCPError, AssertionError, KeyError, ValueError, TimeoutError) as errors:
                self.wrong.setdefault(f"{do.__name__}: {type(errors.exceptions[0]).__name__}", str(errors.exceptions[0])[:300])
            await asyncio.sleep(self.choose.uniform(0.5, 1.5) * seconds)

    # -- what happens ------------------------------------------------------------------------------------------------

    async def post_over_rest(self) -> None:
        """A post that is published, scheduled, edited or taken back."""
        async with self._rest(lane := self._lane()) as http:
            ends = self.choose.choice(("publish", "publish", "schedule", "cancel"))
            ahead = self.choose.uniform(0.5, 20) if ends == "schedule" else 3600
            at = None if ends == "publish" else (datetime.now(UTC) + timedelta(seconds=ahead)).isoformat()
            body = self._body(lane) | {"scheduledFor": at}
            headers = {"Idempotency-Key": f"soak {self._number}"}
            post = await _asked(http.post("/api/v1/posts", json=body, headers=headers), 201)
            assert (await _asked(http.post("/api/v1/posts", json=body, headers=headers), 201)) == post
            path = f"/api/v1/posts/{post['post']['id']}"
            if ends != "schedule":
                await _asked(http.patch(path, json={"content": {"text": f"{body['content']['text']}, edited"}}), 200)
                await _asked(http.post(f"{path}/{ends}"), 200)

    async def post_over_mcp(self) -> None:
        """A conversation of an agent, in either era."""
        lane = self._lane()
        body = self._body(lane)
        async with mcp_client(self.url, self.stage.keys[lane], self.choose.choice(("legacy", "modern"))) as agent:
            await self._tool(agent, "accounts_list")
            arguments = {**body["content"], **{key: value for key, value in body.items() if key != "content"}}
            post = (await self._tool(agent, "posts_create", **arguments))["post"]
            await self._tool(agent, "posts_publish", postId=post["id"])
            await self._tool(agent, "posts_get", postId=post["id"])
            await agent.call_tool("posts_create", {"text": "no platform"})  # refused

    async def read(self) -> None:
        async with self._rest(self._lane()) as http:
            search = self.choose.choice(({}, {"status": "failed"}, {"search": "soak 1"}, {"platform": "threads", "offset": "5"}))
            await _asked(http.get("/api/v1/posts", params=search), 200)
            await _asked(http.get("/api/v1/accounts"), 200)
            await _asked(http.get("/metrics"), 200)

    async def listen(self) -> None:
        """A stream that the client drops, in either era."""
        async with self._rest(self._lane()) as http:
            if self.choose.random() < 0.5:
                async with wire.open_stream(http, "modern"):
                    await asyncio.sleep(self.choose.uniform(0, 3))
                return
            session = await wire.begin_session(http)
            async with http.stream("GET", "/mcp", headers={**session, "Accept": "text/event-stream"}):
                await asyncio.sleep(self.choose.uniform(0, 3))
            # A session that nobody ends is kept for half an hour: it would look like a leak here.
            await _asked(http.delete("/mcp", headers=session), 200)

    async def break_something(self) -> None:
        await self.stage.no_faults()
        await self.stage.fault(self.choose.choice(PICTURE), self.choose.choice(("publish", "upload", "*")),
                               self.choose.choice(FAULTS), retryAfter=1)  # fmt: skip

    # -- how it is asked for -----------------------------------------------------------------------------------------

    def _lane(self) -> int:
        return self.choose.randrange(len(self.stage.keys))

    def _body(self, lane: int) -> dict[str, Any]:
        self._number += 1
        has_picture = self.choose.random() < 0.3
        item = {"type": "image", "url": f"{self.stage.media}/a.jpg", "mimeType": "image/jpeg", "width": 640, "height": 640}
        return {
            "content": {"text": f"soak {self._number}", "media": [item] if has_picture else []},
            "platforms": self.choose.sample(PICTURE if has_picture else TEXT, 2), "platformSetId": self.stage.sets[lane],
        }  # fmt: skip

    def _rest(self, lane: int) -> httpx.AsyncClient:
        headers = {"Authorization": f"Bearer {self.stage.keys[lane]}"}
        return httpx.AsyncClient(base_url=self.url, headers=headers, trust_env=False, timeout=30)

    async def _tool(self, agent: Client, name: str, **arguments: Any) -> dict[str, Any]:
        answer = await agent.call_tool(name, arguments)
        assert not answer.is_error, answer.structured_content
        return dict(answer.structured_content or {})


async def _asked(answer: Awaitable[httpx.Response], status: int) -> Any:
    found = await answer
    assert found.status_code == status, f"{found.status_code}: {found.text[:200]}"
    return found.json() if found.content and "json" in found.headers["content-type"] else found.text
