"""The runs of the proof: each kills servers its own way, and ends with a server that settles everything."""

from __future__ import annotations

import asyncio
import random
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.prove.points import POINTS
from tests.prove.stage import Server, Stage, stage
from tests.prove.story import Author, Verdict

#: Faults of the platforms that a run mixes in; `slow` and `late_listing` carry a delay in seconds.
FAULTS: tuple[dict[str, Any], ...] = (
    {"step": "publish", "fault": "lose_answer"},
    {"step": "publish", "fault": "error_after"},
    {"step": "publish", "fault": "error_before"},
    {"step": "publish", "fault": "truncate"},
    {"step": "publish", "fault": "hang"},
    {"step": "publish", "fault": "rate_limit", "retryAfter": 0.2},
    {"step": "upload", "fault": "error_before"},
    {"step": "upload", "fault": "lose_answer"},
    {"step": "wait", "fault": "slow", "delay": 0.5},
    {"step": "read", "fault": "late_listing", "delay": 0.5, "times": 3},
)
#: How long a killed server is waited for when its point is never reached, and how long settling may take (seconds).
LIFE, SETTLE = 1.6, 120


@dataclass
class Outcome:
    name: str
    kills: int
    posts: int
    verdict: Verdict


async def killed_at_every_step(
    folder: Path, *, kills: int, seed: int, database: str | None = None, bug: str = "", faults: bool = True, posts: int = 1
) -> Outcome:  # fmt: skip
    """One server, killed again and again: at every named point in turn, and every third time at a random instant."""
    choose = random.Random(seed)
    async with stage(folder, database) as made:
        author = Author(made, seed)
        done = 0
        while done < kills:
            at_random = done % 3 == 2
            point = POINTS[(done - done // 3) % len(POINTS)]
            plan = "" if at_random else f"{point}/{choose.randint(1, 3)}"
            server = await made.start("serve", kill=plan, bug=bug)
            if await made.ready(server):
                await _arm(made, choose, faults)
                for _ in range(posts):
                    author.invent()
                await author.insist(server.url or "")
                await _until_dead(server, choose.uniform(0.05, LIFE) if at_random else LIFE)
            server.kill()
            await _gone(server)
            done += 1
        return await _settle("killed at every step", made, author, done, bug)


async def _arm(made: Stage, choose: random.Random, faults: bool) -> None:
    await made.control("faults", method="DELETE")
    if faults and choose.random() < 0.6:
        fault = dict(choose.choice(FAULTS))
        await made.control("faults", {"platform": "*", "times": choose.randint(1, 3), **fault})


async def _until_dead(server: Server, seconds: float) -> None:
    try:
        async with asyncio.timeout(seconds):
            await _gone(server)
    except TimeoutError:
        pass


async def _gone(server: Server) -> None:
    while server.alive:
        await asyncio.sleep(0.01)


async def _settle(name: str, made: Stage, author: Author, kills: int, bug: str = "") -> Outcome:
    """A last server, with no faults left, until nothing is under way; then the count."""
    await made.control("faults", method="DELETE")
    for server in made.servers:
        server.kill()
    async with _running(made, 1, bug) as servers:
        url = servers[0].url or ""
        await author.insist(url)
        try:
            async with asyncio.timeout(SETTLE):
                while await author.unsettled(url):
                    await asyncio.sleep(0.2)
        except TimeoutError:
            pass  # the verdict counts them as stuck
        return Outcome(name, kills, len(author.told), await author.verdict(url))


@asynccontextmanager
async def _running(made: Stage, webs: int, bug: str = "", *flags: str) -> AsyncIterator[list[Server]]:
    servers = [await made.start("serve", *flags, bug=bug) for _ in range(webs)]
    for server in servers:
        await made.ready(server)
    yield servers
    for server in servers:
        server.kill()


async def many_workers(
    folder: Path, *, kills: int, seed: int, database: str, workers: int = 3, webs: int = 2, bug: str = ""
) -> Outcome:  # fmt: skip
    """Web processes and workers on PostgreSQL: workers are killed at points, at random, or paused until others have taken
    over and then woken; web processes are killed at random."""
    choose = random.Random(seed)
    async with stage(folder, database, lanes=4) as made:
        author = Author(made, seed)
        servers = [await made.start("serve", "--no-worker") for _ in range(webs)]
        hands = [await made.start("worker", bug=bug) for _ in range(workers)]
        for server in servers:
            await made.ready(server)
        done, frozen = 0, list[Server]()
        while done < kills:
            await _arm(made, choose, True)
            for _ in range(2):
                author.invent()
            await author.insist(choose.choice(servers).url or "")
            await asyncio.sleep(choose.uniform(0.05, 0.6))
            index = choose.randrange(workers)
            way = choose.choices(["kill", "point", "pause", "web"], [4, 4, 1, 1])[0]
            if way == "web":
                which = choose.randrange(webs)
                servers[which].kill()
                servers[which] = await made.start("serve", "--no-worker")
                await made.ready(servers[which])
            elif way == "pause":
                hands[index].signal(signal.SIGSTOP)
                frozen.append(hands[index])
                hands[index] = await made.start("worker", bug=bug)
            else:
                hands[index].kill()
                plan = f"{choose.choice(POINTS)}/{choose.randint(1, 4)}" if way == "point" else ""
                hands[index] = await made.start("worker", kill=plan, bug=bug)
            hands = [hand if hand.alive else await made.start("worker", bug=bug) for hand in hands]
            done += 1
        for zombie in frozen:
            zombie.signal(signal.SIGCONT)
        await asyncio.sleep(3)
        return await _settle("several workers", made, author, done, bug)
