"""Other ways of dying, each as a small run of its own."""

from __future__ import annotations

import asyncio
import resource
import signal
from pathlib import Path

from tests.prove.game import Game, Run
from tests.prove.points import POINTS, TOKEN_POINTS
from tests.prove.runs import START, Fleet, sent
from tests.prove.stage import Server, until

#: Seconds for work to settle while the servers of a run live on.
RECOVERY = 40
#: A publisher's own points, at which it is paused.
PAUSES = tuple(point for point in POINTS if point.partition(":")[2] not in ("_begin", "_create", "_discard"))


async def zombies(game: Game) -> None:
    """A worker is paused at a point of its work, another takes over and finishes, and then the first one goes on."""
    web = await game.serve("--no-worker")
    for number in range(game.rounds):
        sleeper = await game.worker(at=f"{PAUSES[number % len(PAUSES)]}/1/STOP")
        await game.tell(web, "publish")
        if await until(lambda its=sleeper: its.stopped, RECOVERY):
            other = await game.worker()
            await _recovered(game, web)
            await game.kill(other)
            sleeper.signal(signal.SIGCONT)
            game.kills += 1
        # One that woke up late works like any other.
        await game.tell(web, "publish")
        await _recovered(game, web)
        await game.kill(sleeper)


async def database_dies(game: Game) -> None:
    """PostgreSQL is killed hard while posts go out, and started again. The same servers and workers have to recover."""
    assert game.postgres is not None
    fleet = Fleet(game)
    await fleet.fill(1, 2)
    for _ in range(game.rounds):
        await _under_way(game, fleet.webs[0])
        await asyncio.to_thread(game.postgres.kill)
        await game.author.insist(fleet.webs[0].url or "")
        await asyncio.to_thread(game.postgres.start)
        await game.author.insist_until_heard(fleet.webs[0].url or "")
        game.kills += 1
    await _recovered(game, fleet.webs[0])


async def disk_full(game: Game) -> None:
    """No file can be written while posts go out, and later it can. The same server has to recover."""
    server = await game.serve()
    for _ in range(game.rounds):
        await _under_way(game, server)
        _, most = resource.prlimit(server.pid, resource.RLIMIT_FSIZE)
        resource.prlimit(server.pid, resource.RLIMIT_FSIZE, (0, most))
        for _ in range(3):
            await game.tell(server, "")
        resource.prlimit(server.pid, resource.RLIMIT_FSIZE, (most, most))
        await game.author.insist_until_heard(server.url or "")
        game.kills += 1
    await _recovered(game, server)


async def clock_jumps(game: Game) -> None:
    """The server's clock jumps by up to an hour, forward and back, while posts go out."""
    file = _clock(game, "clock", 0)
    server = await game.serve(plants=(("changes", "clock_from", str(file)),))
    for number in range(game.rounds):
        await _under_way(game, server)
        _set(file, (1, -1)[number % 2] * game.choose.choice((30, 600, 3600)))
        await game.tell(server, "publish", "publish", "cancel")
        game.kills += 1
    # What was put off by a clock that was ahead is due once time has caught up.
    _set(file, 7200)
    await _recovered(game, server)


async def clocks_differ(game: Game) -> None:
    """Two workers whose clocks are a minute apart share the work."""
    web = await game.serve("--no-worker")
    for name, seconds in (("slow", -30), ("fast", 30)):
        await game.worker(plants=(("changes", "clock_from", str(_clock(game, name, seconds))),))
    for _ in range(game.rounds):
        await _under_way(game, web)
        game.kills += 1
    await _recovered(game, web)


async def tokens_rotate(game: Game) -> None:
    """Tokens that are good once have to be refreshed: the answer is lost, or the server dies around it."""
    for number in range(game.rounds):
        lose = number % 2 == 0
        server = await game.serve(at="" if lose else f"{TOKEN_POINTS[number // 2 % len(TOKEN_POINTS)]}/1")
        if lose:
            await game.stage.fault("*", "token", "lose_answer", times=2)
        await game.tell(server, "publish", platforms=("twitter", "threads"), sort=0, lane=number % len(game.stage.lanes))
        await server.gone(3) if not lose else await game.calm(server, START)
        await game.kill(server)
        await game.stage.no_faults()
        game.kills += 1
    game.wrong["asked for tokens again and again"] += game.stage.world.counts["twitter", "token"] > 2 * game.rounds


async def rolling_restarts(game: Game) -> None:
    """Servers and workers are told to stop (SIGTERM), one after the other, and replaced, while posts go out."""
    several = game.stage.database.startswith("postgres")
    servers = [await game.serve(*(["--no-worker"] if several else []))]
    servers += [await game.worker() for _ in range(2 if several else 0)]
    for number in range(game.rounds):
        await _under_way(game, servers[0])
        index = number % len(servers)
        old = servers[index]
        old.signal(signal.SIGTERM)
        servers[index] = await (game.worker() if old.url is None else game.serve(*(["--no-worker"] if several else [])))
        await game.author.insist_until_heard(servers[0].url or "")
        game.wrong["did not stop when told to"] += not await old.gone(15)
        game.kills += 1
    await _recovered(game, servers[0])


async def _under_way(game: Game, server: Server) -> None:
    """New posts, of which some are being sent."""
    before = game.stage.requests("publish")
    await game.tell(server, "publish", "")
    await game.author.insist_until_heard(server.url or "", START)
    await sent(game, before + game.choose.randint(1, 4))


async def _recovered(game: Game, server: Server) -> None:
    game.wrong["not settled by the servers that lived on"] += not await game.calm(server, RECOVERY)


def _clock(game: Game, name: str, seconds: float) -> Path:
    file = game.stage.folder / name
    _set(file, seconds)
    return file


def _set(file: Path, seconds: float) -> None:
    draft = file.with_suffix(".new")
    draft.write_text(str(seconds))
    draft.replace(file)


DYING = (
    Run("zombies: paused, replaced, woken", zombies, "postgresql", rounds=4, brisk=True),
    Run("PostgreSQL killed and started again", database_dies, "postgresql", rounds=3, brisk=True),
    Run("disk full for a while", disk_full, rounds=4, brisk=True),
    Run("clock jumps", clock_jumps, rounds=6),
    Run("clocks of two workers differ", clocks_differ, "postgresql", rounds=3, brisk=True),
    Run("token rotation lost", tokens_rotate, rounds=6, lanes=6, expiring=True),
    Run("rolling restarts, one server", rolling_restarts, rounds=4, strict=True, timeout=10),
    Run("rolling restarts, several workers", rolling_restarts, "postgresql", rounds=6, brisk=True, strict=True, timeout=10),
)
