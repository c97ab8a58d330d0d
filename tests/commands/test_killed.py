"""The real `serve`, killed while twenty posts publish and started again: nothing is sent twice, nothing is stuck."""

from __future__ import annotations

import signal
from collections import Counter
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import httpx

from brokers.sandbox.app import build as build_simulator
from brokers.sandbox.world import World
from tests.commands.child import Child, poll, running
from tests.prove.accounts import SECRET, populate
from tests.serving import serving

PLATFORMS, LANES = ("facebook", "linkedin", "threads", "twitter"), 5
TEXTS = {f"Killed or not, once: {platform} {lane}": (platform, lane) for platform in PLATFORMS for lane in range(LANES)}
OVER = {"published", "partial", "failed"}


async def test_killed_while_twenty_posts_publish(tmp_path: Path) -> None:
    simulator = build_simulator()
    world: World = simulator.state.world
    world.takes_duplicates = True
    database = f"sqlite:///{tmp_path}/data/ampost.db"
    async with AsyncExitStack() as stack:
        platforms = stack.enter_context(serving(simulator))
        lanes = populate(database, world, LANES, False)
        settings = {
            "data_dir": str(tmp_path / "data"), "secret_keys": SECRET, "platforms_url": platforms, "publish_wait": "0",
            "processing_poll": "0.05", "platform_timeout": "5",
        }  # fmt: skip
        clients = [
            stack.enter_context(httpx.Client(headers={"Authorization": f"Bearer {lane.key}"}, trust_env=False, timeout=30))
            for lane in lanes
        ]
        # Slow enough that many requests are under way at any moment.
        world.answer_delay = 0.3
        with running(tmp_path, **settings) as server:
            server.until("/readyz")
            ids = {
                text: _published(clients[lane], server.url, text, platform, lanes[lane].set_id)
                for text, (platform, lane) in TEXTS.items()
            }
            _killed_after(server, world, 4)
        with running(tmp_path, **settings) as server:
            server.until("/readyz")
            _killed_after(server, world, 12)
        under_way = len(TEXTS) - len(world.ledger.posts)
        world.answer_delay = 0
        with running(tmp_path, **settings) as server:
            server.until("/readyz")
            posts: dict[str, dict[str, Any]] = {}

            def all_over() -> bool:
                for text, (_, lane) in TEXTS.items():
                    if text not in posts:
                        post = clients[lane].get(f"{server.url}/api/v1/posts/{ids[text]}").json()["post"]
                        if post["status"] in OVER:
                            posts[text] = post
                return len(posts) == len(TEXTS)

            poll(all_over, 60, lambda: f"stuck: {sorted(TEXTS.keys() - posts.keys())}")
    assert under_way > 0, "the last kill came when there was nothing left to interrupt"
    there = Counter(published.text for published in world.ledger.posts)
    told = {text: (post["status"], (post["platformPosts"][0]["error"] or {}).get("code")) for text, post in posts.items()}
    assert set(there.values()) <= {1}, there
    for text, (status, code) in told.items():
        assert (status, code, there[text]) == ("published", None, 1) or (status, code) == ("failed", "PUBLISH_OUTCOME_UNKNOWN")
    assert sum(status == "published" for status, _ in told.values()) >= len(TEXTS) // 2


def _published(http: httpx.Client, url: str, text: str, platform: str, set_id: str) -> str:
    """The id of a new post on its way out."""
    body = {"content": {"text": text}, "platforms": [platform], "platformSetId": set_id}
    post_id = str(http.post(f"{url}/api/v1/posts", json=body).raise_for_status().json()["post"]["id"])
    http.post(f"{url}/api/v1/posts/{post_id}/publish").raise_for_status()
    return post_id


def _killed_after(server: Child, world: World, sent: int) -> None:
    """Kills the server while it sends: once the platforms have got this many requests to publish."""
    poll(lambda: _sent(world) >= sent or _nothing_left(world), 60, lambda: f"only {_sent(world)} were sent: {server.said}")
    server.process.send_signal(signal.SIGKILL)
    server.process.wait()


def _sent(world: World) -> int:
    return sum(count for (_, step), count in world.counts.items() if step == "publish")


def _nothing_left(world: World) -> bool:
    return len(world.ledger.posts) == len(TEXTS)
