"""Publishers as processes that can be stopped between any two steps, killed, paused and started, over one database."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
from sqlalchemy import delete, select, update
from sqlmodel import Session

from ampost_mcp.context import App, Caller
from ampost_mcp.errors import AppError
from ampost_mcp.operations import BY_NAME, invoke
from ampost_mcp.services.scheduler import Publisher
from ampost_mcp.settings import Settings
from brokers import BROKERS
from storage import queue
from storage.database import Database
from storage.queue import ACCOUNTS, INTENTS, PLATFORM_POSTS, POSTS, Claim
from storage.sealing import Keyring
from storage.tables import metadata
from tests.model.loop import SteppedLoop
from tests.model.platforms import Pass, Platform

EPOCH = datetime(2026, 12, 1, 12, tzinfo=UTC)
GRACE = 600
#: Platform -> how many publishes may run on it at once.
LANES = {"threads": 64, "facebook": 1, "twitter": 64}
FOR_EVER = 10**9
#: Where a publish can be stopped: before and after its writes and its irreversible request.
POINTS = tuple(
    f"{when} {name}"
    for name in ("claim_due", "save_step", "open_intent", "send", "close_intent", "_record")
    for when in ("before", "after")
)


class Killed(Exception):
    """The process is dead: nothing that it still wanted to do happens."""


@dataclass(frozen=True)
class Ground:
    """What all examples share: a database with a user whose sets have an account of every platform."""

    db: Database
    settings: Settings
    keyring: Keyring
    http: httpx.AsyncClient
    caller: Caller
    sets: tuple[str, ...]


@dataclass
class Watched:
    """A database as one process sees it: each call is a step before it, and each commit a step after it too."""

    db: Database
    is_sqlite: bool
    passed: Pass
    saw: Callable[[str, Any], None]

    async def read(self, do: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        await self.passed(f"before {do.__name__}")
        return self.db.read_here(do, *args, **kwargs)

    read_quick = read

    async def write(self, do: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        await self.passed(f"before {do.__name__}")
        result = _transact(self.db, do, *args, **kwargs)
        self.saw(do.__name__, result)
        await self.passed(f"after {do.__name__}")
        return result


def _transact(db: Database, do: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
    """A write without the thread that the product hands it to: whoever waits for a thread is not in step."""
    with Session(db.engine, expire_on_commit=False) as session, session.begin():
        return do(session, *args, **kwargs)


@dataclass
class Process:
    name: str
    app: App
    may_go: asyncio.Event
    publisher: Publisher
    is_paused: bool = False
    is_dead: bool = False
    task: asyncio.Task[None] | None = None
    stopping: asyncio.Task[None] | None = None


async def _never() -> None:
    await asyncio.Event().wait()


@dataclass
class World:
    """Rules move it: `call` what a user calls, `run` the publishers, `start`, `stop`, `pause` and `kill` them.

    `on_claim` hears of every claim at the moment of its commit; `log` is what they log, apart from last words. On one
    machine the lock on the data folder says that a publisher is alone; on several, heartbeats say who lives.
    """

    ground: Ground
    one_machine: bool
    on_claim: Callable[[Claim, datetime], None]
    log: list[Any]
    loop: SteppedLoop = field(default_factory=SteppedLoop)
    shift: timedelta = timedelta()
    budget: int = 0
    stop_at: str = ""
    processes: list[Process] = field(default_factory=list)
    started: int = 0

    def __post_init__(self) -> None:
        self.platforms = {key: Platform(key, resumes=key == "twitter") for key in LANES}
        self.web = self._app("web", _at_once)
        _transact(self.ground.db, _clear)

    def now(self) -> datetime:
        return EPOCH + self.shift + timedelta(seconds=self.loop.time())

    def call(self, operation: str, key: str | None = None, **raw: Any) -> dict[str, Any]:
        """An operation's answer, or `{"error": code}`."""
        try:
            asked = invoke(self.web, BY_NAME[operation], self.ground.caller, raw, key=key)
            return dict(self._complete(asked)["post"])
        except AppError as error:
            return {"error": error.code}

    def run(self, seconds: float, steps: int = FOR_EVER, stop_at: str = "") -> None:
        """Lets the publishers go on for so long, or for so many steps, or until one of them comes to a point."""
        self.budget, self.stop_at = steps, stop_at
        self._gates()
        self._complete(asyncio.sleep(seconds))
        self.budget = 0
        self._gates()

    def start(self) -> None:
        self.started += 1
        name = f"process-{self.started}"
        may_go = asyncio.Event()

        async def passed(point: str) -> None:
            if point == self.stop_at:
                self.budget, self.stop_at = 0, ""
                self._gates()
            while not (may_go.is_set() or process.is_dead):
                await may_go.wait()
            if process.is_dead:
                raise Killed
            self.budget -= 1
            if self.budget == 0:
                self._gates()

        app = self._app(name, passed)
        process = Process(name, app, may_go, Publisher(app))
        process.publisher._listen = _never  # type: ignore[method-assign]
        process.task = self.loop.create_task(process.publisher.run())
        self.processes.append(process)

    def kill(self, process: Process) -> None:
        """The process is gone at once, wherever it stands; the system drops its locks."""
        said = len(self.log)
        process.is_dead = True
        self.processes.remove(process)
        for task in (process.stopping, process.task):
            if task is not None:
                task.cancel()
                process.may_go.set()
                self._complete(_ended(task))
        del self.log[said:]

    def pause(self, process: Process, paused: bool) -> None:
        process.is_paused = paused

    def stop(self, process: Process) -> None:
        """Asks it to stop in order; `run` carries it out."""
        process.stopping = self.loop.create_task(process.publisher.stop())

    def bury(self) -> None:
        """Forgets the processes that have stopped in order."""
        for process in [process for process in self.processes if process.task and process.task.done()]:
            self.kill(process)

    def close(self) -> None:
        for process in list(self.processes):
            self.kill(process)
        self.loop.close()

    def rows(self) -> tuple[dict[str, dict[str, Any]], list[dict[str, Any]]]:
        """Posts by id, and all platform posts, as they are stored."""
        return self.ground.db.read_here(_rows)

    def outlook(self) -> tuple[bool, datetime | None]:
        return self.ground.db.read_here(queue.outlook, self.now())

    def expire_tokens(self, platform: str) -> None:
        _transact(self.ground.db, _expire, platform, self.now() - timedelta(seconds=1))

    def open_intents(self) -> int:
        return self.ground.db.read_here(lambda session: len(session.execute(select(INTENTS).where(_OPEN)).all()))

    def _app(self, name: str, passed: Pass) -> App:
        ground = self.ground
        brokers = {key: platform.broker(BROKERS[key], passed, LANES[key]) for key, platform in self.platforms.items()}
        db = Watched(ground.db, self.one_machine, passed, self._saw)
        return App(ground.settings, db, ground.keyring, ground.http, BROKERS | brokers, self.now, process=name)  # type: ignore[arg-type]

    def _saw(self, name: str, result: Any) -> None:
        for claim in result if isinstance(result, list) else [result]:
            if isinstance(claim, Claim):
                self.on_claim(claim, self.now())

    def _gates(self) -> None:
        for process in self.processes:
            if self.budget > 0 and not process.is_paused:
                process.may_go.set()
            else:
                process.may_go.clear()

    def _complete(self, doing: Coroutine[Any, Any, Any]) -> Any:
        return self.loop.run_until_complete(doing)


async def _at_once(_: str) -> None:
    """The web process is never in the way."""


async def _ended(task: asyncio.Task[None]) -> None:
    await asyncio.wait([task])
    if not task.cancelled():
        task.exception()


_OPEN = INTENTS.c.state == "open"
_CLEARED = [
    metadata.tables[name]
    for name in ("publish_intents", "steps", "platform_posts", "posts", "publishers", "breakers", "idempotency_keys")
]
_AS_CONNECTED = {
    "blocked_until": None, "token_expires_at": None, "reconnect_required": False, "status": "active", "last_error": None,
    "lease_owner": None, "lease_until": None,
}  # fmt: skip
_POSTS = select(POSTS.c.id, POSTS.c.status)
_PARTS = select(*(PLATFORM_POSTS.c[name] for name in (
    "id", "post_id", "post_seq", "position", "platform", "account_id", "status", "attempts", "tries", "next_at", "owner",
    "fence", "remote_id", "error",
))).order_by(PLATFORM_POSTS.c.post_seq, PLATFORM_POSTS.c.position)  # fmt: skip


def _clear(session: Session) -> None:
    for table in _CLEARED:
        session.execute(delete(table))
    session.execute(update(ACCOUNTS).values(_AS_CONNECTED))


def _expire(session: Session, platform: str, at: datetime) -> None:
    session.execute(update(ACCOUNTS).where(ACCOUNTS.c.platform == platform).values(token_expires_at=at))


def _rows(session: Session) -> tuple[dict[str, dict[str, Any]], list[dict[str, Any]]]:
    posts, parts = session.execute(_POSTS).mappings(), session.execute(_PARTS).mappings()
    return {row["id"]: dict(row) for row in posts}, [dict(row) for row in parts]
