"""Short scenes without chance: each puts a server where one kind of mistake would show. They hold by themselves, and each
of them finds the bugs of `tests.prove.bugs` that name it."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Callable
from typing import Any

import httpx

from tests.prove.accounts import ROTATING
from tests.prove.game import Game, Run
from tests.prove.judging import Ledger
from tests.prove.stage import until

TEXT = 0
#: Seconds that a scene gets to settle, and that a step of it may take.
SETTLE, STEP = 20, 20
#: How the addresses of irreversible requests end.
RELEASES = ("_publish", "/2/tweets", "/rest/posts", "/feed")


async def killed_after_send(game: Game) -> None:
    """The server dies when the irreversible request has been answered and nothing of that is stored."""
    server = await game.serve(at="after:send/1")
    await game.tell(server, "publish", sort=TEXT, platforms=("facebook",))
    await server.gone(STEP)
    game.kills += 1


async def killed_after_claim(game: Game) -> None:
    """The server dies with claims that it has done nothing about."""
    server = await game.serve(at="after:claim_due/1")
    await game.tell(server, "publish", sort=TEXT)
    await server.gone(STEP)
    game.kills += 1


async def killed_after_create(game: Game) -> None:
    """The server dies when a post is stored and its author has not been told, who then asks the next server again."""
    server = await game.serve(at="after:_create/1")
    (told,) = await game.tell(server, "publish", sort=TEXT)
    await server.gone(STEP)
    game.kills += 1
    server = await game.serve()
    await game.author.insist_until_heard(server.url or "", STEP)
    await game.calm(server, STEP)
    headers = {"Authorization": f"Bearer {game.stage.keys[told.lane]}"}
    stored = (await game.stage.http.get(f"{server.url}/api/v1/posts", headers=headers)).json()["posts"]
    game.wrong["stored twice"] += len(stored) > 1


async def answers_lost(game: Game) -> None:
    """Platforms publish and their answers are lost, and listings do not show the posts for a long time."""
    server = await game.serve()
    for platform in ("twitter", "facebook", "linkedin", "threads"):
        await game.stage.fault(platform, "read", "late_listing", delay=60, times=-1)
        await game.stage.fault(platform, "publish", "lose_answer")
    await game.tell(server, "publish", sort=TEXT)
    await game.calm(server, STEP)


async def cancelled_while_running(game: Game) -> None:
    """A post is cancelled while its irreversible request is on its way."""
    server = await game.serve()
    await game.stage.fault("twitter", "publish", "delay", delay=6)
    (told,) = await game.tell(server, "publish", sort=TEXT, platforms=("twitter",))
    await until(lambda: game.stage.requests("publish") > 0, STEP)
    told.wants, told.done = "cancel", False
    await game.author.insist(server.url or "")
    await until(lambda: bool(game.stage.world.ledger.posts), STEP)
    await game.calm(server, STEP)


async def edited(game: Game) -> None:
    """A scheduled post is edited, and moved, before its time comes."""
    server = await game.serve()
    await game.tell(server, "schedule", sort=TEXT, ahead=8)
    await game.tell(server, "edit", sort=TEXT, ahead=600)
    await game.calm(server, STEP)


async def one_lane(game: Game) -> None:
    """Posts of one account come one after the other, although the first takes longest."""
    server = await game.serve()
    await game.stage.fault("threads", "wait", "slow", delay=4)
    told = await game.tell(server, "publish", "publish", "publish", sort=TEXT, platforms=("threads",), lane=0)
    await game.calm(server, STEP)
    earliest = (await Ledger.of(game.stage)).earliest
    order = sorted((earliest.get(("threads", each.marker), 0.0), number) for number, each in enumerate(told))
    game.wrong["out of order"] += [number for _, number in order] != list(range(len(told)))


def peer_that_closes(simulator: Any) -> Any:
    """The simulator behind a door that closes a connection just as a second request comes on it, if that would publish."""
    seen: set[Any] = set()

    async def door(scope: dict[str, Any], receive: Any, send: Any) -> None:
        if scope["type"] == "http":
            is_used, publishes = scope["client"] in seen, scope["path"].endswith(RELEASES)
            seen.add(scope["client"])
            if is_used and publishes and scope["method"] == "POST":
                while (await receive())["type"] != "http.disconnect":
                    pass
                return
        await simulator(scope, receive, send)

    return door


async def used_connections_close(game: Game) -> None:
    """Connections that have carried a request are closed as the next one arrives."""
    server = await game.serve()
    await game.tell(server, "publish", sort=1)
    await game.calm(server, STEP)


async def refreshed_by_two(game: Game) -> None:
    """A person and another person ask for a new token of an account at the same time."""
    server = await game.serve()
    lane = game.stage.lanes[0]
    account = await _account_id(game, server.url or "", "twitter")
    await game.stage.fault("twitter", "token", "delay", delay=3)
    async with httpx.AsyncClient(trust_env=False, cookies={"ampost_session": lane.cookie}, timeout=STEP) as browser:
        ask: Callable[[], Any] = lambda: browser.post(  # noqa: E731
            f"{server.url}/api/platforms/twitter/refresh", json={"accountId": account}, headers={"Origin": server.url or ""}
        )
        answers = await asyncio.gather(ask(), ask())
    game.wrong["refresh refused"] += sum(answer.status_code != 200 for answer in answers)
    game.wrong["refreshed more than once"] += game.stage.world.counts["twitter", "token"] != 1
    await game.tell(server, "publish", sort=TEXT, platforms=("twitter",), lane=0)
    await game.calm(server, STEP)


async def _account_id(game: Game, url: str, platform: str) -> str:
    headers = {"Authorization": f"Bearer {game.stage.lanes[0].key}"}
    accounts = (await game.stage.http.get(f"{url}/api/v1/accounts", headers=headers)).json()["accounts"]
    return next(str(account["id"]) for account in accounts if account["platform"] == platform)


async def refreshed_in_time(game: Game) -> None:
    """Tokens that are about to expire are refreshed, once each, before they are used."""
    server = await game.serve()
    for sort in (TEXT, 2, TEXT, 2):
        await game.tell(server, "publish", sort=sort, lane=0)
    await game.calm(server, STEP)
    for platform in ROTATING:
        game.wrong["refreshed more or less than once"] += game.stage.world.counts[platform, "token"] != 1


async def flushed(game: Game) -> None:
    """Every commit of a server that works tells SQLite to flush it to the disk. (No program can cut the power: what is
    checked is what the documentation of SQLite says is enough, `synchronous=FULL`, at each commit.)"""
    notes = game.stage.folder / "commits"
    server = await game.serve(plants=(("changes", "watch_flushes", str(notes)),))
    await game.tell(server, "publish", "schedule", sort=TEXT)
    await game.calm(server, STEP)
    ways = notes.read_text().split()
    game.wrong["no commit seen"] += not ways
    game.wrong["commit that a power cut may take back"] += sum(int(way) < 2 for way in ways)


async def woken_too_late(game: Game) -> None:
    """A worker is refused by a platform, and paused before it can write that down. Another one publishes. The first wakes."""
    web = await game.serve("--no-worker")
    await game.stage.fault("threads", "upload", "refuse")
    sleeper = await game.worker(at="before:_record/1/STOP")
    await game.tell(web, "publish", sort=TEXT, platforms=("threads",), lane=0)
    await until(lambda: sleeper.stopped, STEP)
    other = await game.worker()
    await game.calm(web, STEP)
    await game.kill(other)
    sleeper.signal(signal.SIGCONT)
    game.kills += 1
    await game.tell(web, "publish", sort=TEXT, platforms=("threads",), lane=1)
    await game.calm(web, STEP)


async def slow_but_alive(game: Game) -> None:
    """A publish takes longer than the time after which a silent worker counts as dead, and another worker is idle."""
    web = await game.serve("--no-worker")
    await game.worker()
    await game.stage.fault("threads", "wait", "slow", delay=7)
    await game.tell(web, "publish", sort=TEXT, platforms=("threads",))
    await until(lambda: game.stage.requests("wait") > 0, STEP)
    await game.worker()
    await game.calm(web, 2 * STEP)
    game.wrong["taken from one that lives"] += game.stage.log.read_text().count("publish.lost_claim")


DRILLS = {
    run.name: run
    for run in (
        Run("killed after the send", killed_after_send, settle=SETTLE),
        Run("killed after the claim", killed_after_claim, settle=SETTLE),
        Run("killed after the post was stored", killed_after_create, settle=SETTLE, strict=True, timeout=10),
        Run("answers lost, listings late", answers_lost, settle=SETTLE),
        Run("cancelled while it runs", cancelled_while_running, settle=SETTLE, timeout=10),
        Run("edited before its time", edited, settle=SETTLE, strict=True, timeout=10),
        Run("one lane", one_lane, settle=SETTLE, strict=True, timeout=10),
        Run("used connections close", used_connections_close, settle=SETTLE, strict=True, timeout=4, around=peer_that_closes),
        Run("refreshed by two", refreshed_by_two, settle=SETTLE, strict=True, expiring=True, timeout=10),
        Run("refreshed in time", refreshed_in_time, settle=SETTLE, strict=True, expiring=True, timeout=10),
        Run("flushed to the disk", flushed, settle=SETTLE, strict=True, timeout=10),
        Run("woken too late", woken_too_late, "postgresql", settle=SETTLE, brisk=True),
        Run("slow but alive", slow_but_alive, "postgresql", settle=SETTLE, brisk=True, strict=True, timeout=10),
    )
}
