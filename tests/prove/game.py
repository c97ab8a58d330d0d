"""A run of the proof: servers are made to die in its own way, a last one settles everything, and the ledger is judged."""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.prove.judging import Verdict, judge
from tests.prove.postgres import Postgres
from tests.prove.stage import Plant, Server, Stage, Zygote, stage
from tests.prove.story import Author, Told


@dataclass
class Game:
    """What a run plays with. `rounds` scales it; `plants` go into every server; `kills` counts deaths, pauses and whatever
    else the run does to servers; `wrong` is what the run saw by itself."""

    stage: Stage
    author: Author
    choose: random.Random
    rounds: int
    plants: tuple[Plant, ...]
    postgres: Postgres | None = None
    kills: int = 0
    wrong: Counter[str] = field(default_factory=Counter)

    async def serve(self, *flags: str, at: str = "", plants: tuple[Plant, ...] = ()) -> Server:
        """A server that answers, or that has died on its way there. `at` is a plan of `tests.prove.points`."""
        server = await self._start("serve", *flags, at=at, plants=plants)
        await self.stage.ready(server)
        return server

    async def worker(self, at: str = "", plants: tuple[Plant, ...] = ()) -> Server:
        return await self._start("worker", at=at, plants=plants)

    async def _start(self, *command: str, at: str, plants: tuple[Plant, ...]) -> Server:
        dying: tuple[Plant, ...] = (("points", "die_at", at),) if at else ()
        return await self.stage.start(*command, plants=(*self.plants, *plants, *dying))

    async def tell(self, server: Server, *wants: str, **how: Any) -> list[Told]:
        """Invents posts (see `Author.invent`) and tells this server."""
        told = [self.author.invent(wish or None, **how) for wish in wants]
        await self.author.insist(server.url or "")
        return told

    async def calm(self, server: Server, seconds: float) -> bool:
        """Waits until nothing is under way any more; False when that took too long."""
        try:
            async with asyncio.timeout(seconds):
                while not await self.author.is_settled(server.url or ""):
                    await asyncio.sleep(0.05)
        except TimeoutError:
            return False
        return True

    async def kill(self, server: Server) -> None:
        server.kill()
        await server.gone()


@dataclass(frozen=True)
class Run:
    """One way of dying. `rounds` are played by default, on `lanes` users. `brisk` publishers notice the dead sooner;
    `expiring` accounts need a new token; `strict` runs lose no answer, so that nothing may fail; `settle` is how long the
    last server gets, `timeout` how long servers wait for a platform (seconds)."""

    name: str
    play: Callable[[Game], Awaitable[None]]
    database: str = "sqlite"
    rounds: int = 1
    lanes: int = 2
    brisk: bool = False
    expiring: bool = False
    strict: bool = False
    settle: float = 120
    timeout: float = 1
    around: Callable[[Any], Any] = lambda simulator: simulator


@dataclass
class Outcome:
    name: str
    kills: int
    posts: int
    verdict: Verdict


async def play(
    run: Run, folder: Path, *, seed: int, rounds: int | None = None, database: str | None = None, bug: str = "",
    postgres: Postgres | None = None, shared: Zygote | None = None,
) -> Outcome:  # fmt: skip
    """Plays a run in an empty folder; `database` is the URL of an empty PostgreSQL database for a run that needs one."""
    folder.mkdir(parents=True)
    plants: tuple[Plant, ...] = (("changes", "brisk"),) if run.brisk else ()
    plants += (("bugs", "plant", bug),) if bug else ()
    setting = stage(folder, database, run.lanes, shared=shared, expiring=run.expiring, timeout=run.timeout, around=run.around)
    async with setting as made:
        author = Author(made, seed)
        game = Game(made, author, random.Random(seed), rounds or run.rounds, plants, postgres)
        await run.play(game)
        verdict = await _settled(game, run)
        return Outcome(run.name, game.kills, len(author.told), verdict)


async def _settled(game: Game, run: Run) -> Verdict:
    """A last server, with no faults left, until nothing is under way; then the count."""
    await game.stage.no_faults()
    for server in game.stage.servers:
        await game.kill(server)
    last = await game.serve()
    await game.author.insist_until_heard(last.url or "")
    await game.calm(last, run.settle)  # the verdict counts what is not over by then as stuck
    verdict = await judge(game.stage, game.author, last.url or "", strict=run.strict)
    verdict.wrong.update(game.wrong)
    verdict.wrong["nothing was tried"] += not verdict.platform_posts
    return verdict
