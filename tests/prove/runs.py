"""The two large runs: one server on SQLite, and several on PostgreSQL, killed again and again while posts go out."""

from __future__ import annotations

import random
import signal
from typing import Any

from tests.prove.game import Game, Run
from tests.prove.points import POINTS
from tests.prove.stage import Server, Stage, until

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
#: How long a server lives that does not come to the point at which it should die, and how long posts get to start (seconds).
LIFE, START = 1.6, 5.0


async def one_server(game: Game) -> None:
    """A server is killed at every named point in turn, and every third time at a random instant."""
    choose = game.choose
    for number in range(game.rounds):
        at_random = number % 3 == 2
        plan = "" if at_random else f"{POINTS[(number - number // 3) % len(POINTS)]}/{choose.randint(1, 3)}"
        server = await game.serve(at=plan)
        if server.alive:
            await _arm(game.stage, choose)
            await game.tell(server, "", "publish")
            await server.gone(choose.uniform(0.05, LIFE) if at_random else LIFE)
        await game.kill(server)
        game.kills += 1


async def _arm(made: Stage, choose: random.Random) -> None:
    await made.no_faults()
    if choose.random() < 0.6:
        await made.control("faults", {"platform": "*", "times": choose.randint(1, 3), **choose.choice(FAULTS)})


async def several_workers(game: Game, workers: int = 3, webs: int = 2) -> None:
    """Workers are killed at points, at random, or paused until others have taken over and then woken; web processes are
    killed at random. Each time only once posts of this round go out, so that deaths and faults hit work under way."""
    choose, fleet = game.choose, Fleet(game)
    await fleet.fill(webs, workers)
    for _ in range(game.rounds):
        await _arm(game.stage, choose)
        before = game.stage.requests("publish")
        await game.tell(choose.choice(fleet.webs), "", "", "publish")
        await sent(game, before + choose.randint(1, 6))
        await fleet.strike(choose.choices(["kill", "point", "pause", "web"], [4, 4, 1, 1])[0])
        await fleet.fill(webs, workers)
        game.kills += 1
    await fleet.wake()


async def sent(game: Game, requests: int) -> None:
    """Waits until so many irreversible requests have come to the simulator."""
    await until(lambda: game.stage.requests("publish") >= requests, START)


class Fleet:
    """The web processes and workers of a game on PostgreSQL. `paused` are workers that stand still, with the round in
    which they were stopped."""

    def __init__(self, game: Game) -> None:
        self.game = game
        self.webs: list[Server] = []
        self.workers: list[Server] = []
        self.paused: list[tuple[int, Server]] = []

    async def fill(self, webs: int, workers: int) -> None:
        """Replaces what has died, and wakes who has stood still for long enough to be thought dead."""
        self.webs = [each for each in self.webs if each.alive]
        self.workers = [each for each in self.workers if each.alive]
        self.webs += [await self.game.serve("--no-worker") for _ in range(webs - len(self.webs))]
        self.workers += [await self.game.worker() for _ in range(workers - len(self.workers))]
        if self.paused and self.game.kills - self.paused[0][0] >= 5:
            _, woken = self.paused.pop(0)
            woken.signal(signal.SIGCONT)
            self.workers.append(woken)
            await self.game.kill(self.workers.pop(0))

    async def strike(self, way: str) -> None:
        choose = self.game.choose
        group = self.webs if way == "web" else self.workers
        victim = group.pop(choose.randrange(len(group)))
        if way == "pause":
            victim.signal(signal.SIGSTOP)
            self.paused.append((self.game.kills, victim))
        else:
            await self.game.kill(victim)
        if way == "point":
            self.workers.append(await self.game.worker(at=f"{choose.choice(POINTS)}/{choose.randint(1, 4)}"))

    async def wake(self) -> None:
        """All that stood still go on, beside those that have taken over from them."""
        for _, zombie in self.paused:
            zombie.signal(signal.SIGCONT)
        await self.game.calm(self.webs[0], START)


ONE_SERVER = Run("one server, killed at every step", one_server, rounds=60, lanes=6, settle=900)
SEVERAL_WORKERS = Run(
    "several workers, killed and paused", several_workers, "postgresql", rounds=40, lanes=6, brisk=True, settle=900
)  # fmt: skip
