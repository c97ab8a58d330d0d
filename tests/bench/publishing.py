"""How fast and how punctual: many platform posts due at one instant, and single ones, on SQLite and on PostgreSQL."""

from __future__ import annotations

import argparse
import asyncio
import statistics
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from tests.prove.postgres import postgres_server
from tests.prove.stage import Stage, stage

ACCOUNTS, EACH, LATENCY = 50, 20, 0.1
#: How long servers wait for a platform, as they do by default (seconds).
PATIENCE = 30
SINGLES = 15
HUNG = "facebook"
#: Time to write the posts that shall be due at once.
FILLED = timedelta(seconds=40)


async def run(folder: Path, options: argparse.Namespace) -> None:
    (folder / "sqlite").mkdir()
    await _on(folder / "sqlite", None, 0)
    with postgres_server(folder / "pg") as server:
        for workers in (1, 2, 4):
            where = folder / f"pg{workers}"
            where.mkdir()
            await _on(where, server.database(), workers)


async def _on(folder: Path, database: str | None, workers: int) -> None:
    async with stage(folder, database, lanes=ACCOUNTS, timeout=PATIENCE, ledger=False) as made:
        flags = ("--no-worker",) if workers else ()
        server = await made.start("serve", *flags)
        for _ in range(workers):
            await made.start("worker")
        await made.ready(server)
        name = f"PostgreSQL, {workers} workers" if workers else "SQLite, one process"
        print(
            f"{name}: a single due post is {await _lateness(made, server.url or ''):.0f} ms late (median of {SINGLES})",
            flush=True,
        )
        await made.control("settings", {"answerDelay": LATENCY})
        took, requests = await _burst(made, server.url or "")
        least = EACH * requests * LATENCY
        print(
            f"{name}: {ACCOUNTS * EACH} posts of {ACCOUNTS} accounts due at once: {took:.1f} s; lanes and latency alone "
            f"take {least:.1f} s ({took / least:.2f}x)", flush=True,
        )  # fmt: skip
        await made.control("settings", {"answerDelay": 0})
        await made.control("faults", {"platform": HUNG, "step": "publish", "fault": "hang", "times": 1_000_000})
        await _at_once(made, server.url or "", due := datetime.now(UTC) + FILLED, HUNG, "hung")
        await asyncio.sleep((due - datetime.now(UTC)).total_seconds() + 1)
        late = await _lateness(made, server.url or "")
        print(f"{name}: with {ACCOUNTS * EACH} posts waiting for a platform that hangs, one for another is {late:.0f} ms late")


async def _lateness(made: Stage, url: str) -> float:
    """The median of single posts that are due one after the other, in milliseconds."""
    return statistics.median([await _single(made, url, number) for number in range(SINGLES)]) * 1000


async def _single(made: Stage, url: str, number: int) -> float:
    """From the due time to the platform's publish request, in seconds."""
    due = datetime.now(UTC) + timedelta(seconds=0.6)
    text = f"single {number} {due:%H:%M:%S.%f}"
    await _schedule(made, url, number % ACCOUNTS, due, text)
    while not (at := [post.at for post in made.world.ledger.posts if post.text == text]):
        await asyncio.sleep(0.05)
    return at[0] - due.timestamp()


async def _burst(made: Stage, url: str) -> tuple[float, int]:
    """Seconds from the due time until the last one's answer, and requests a post."""
    due = datetime.now(UTC) + FILLED
    await _at_once(made, url, due, "twitter", "burst")
    await made.control("requests", method="DELETE")
    while len(posts := [post for post in made.world.ledger.posts if post.text.startswith("burst")]) < ACCOUNTS * EACH:
        await asyncio.sleep(0.2)
    seen = len((await made.control("requests", method="GET"))["requests"])
    return max(post.at for post in posts) + LATENCY - due.timestamp(), round(seen / len(posts))


async def _at_once(made: Stage, url: str, due: datetime, platform: str, text: str) -> None:
    for each in range(EACH):
        posts = (_schedule(made, url, lane, due, f"{text} {lane} {each}", platform) for lane in range(ACCOUNTS))
        await asyncio.gather(*posts)


async def _schedule(made: Stage, url: str, lane: int, due: datetime, text: str, platform: str = "twitter") -> None:
    body: dict[str, Any] = {
        "content": {"text": text}, "platforms": [platform], "platformSetId": made.sets[lane],
        "scheduledFor": due.isoformat(),
    }  # fmt: skip
    headers = {"Authorization": f"Bearer {made.keys[lane]}"}
    answer = await made.http.post(f"{url}/api/v1/posts", json=body, headers=headers)
    answer.raise_for_status()
