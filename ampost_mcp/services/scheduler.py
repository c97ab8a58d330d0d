"""The publisher: sleeps until something is due, claims it, and runs each claim in a task of its own.

The same on one machine and on several. The database decides who holds what; a publisher that dies is noticed by its missing
heartbeat (or, on SQLite, by the free lock on the data folder), and what it held is resumed or settled by another.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections import defaultdict
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from typing import Any

import anyio
import structlog
from anyio.abc import TaskGroup

from ampost_mcp.context import App
from ampost_mcp.services.folder_lock import FolderLock
from ampost_mcp.services.running import carry_out
from storage import publishers, queue
from storage.queue import Claim

log = structlog.get_logger("ampost.publisher")

#: Seconds: between heartbeats, and sweeps; until a silent publisher counts as dead; between looks without being woken.
BEAT, DEAD_AFTER, LOOK, TEND = 4.0, 16.0, 1.0, 3600.0
#: How far behind a publisher may be before it counts as not advancing (seconds).
STALLED = 60.0
STOP_WITHIN = 4.0


class Publisher:
    """Runs in `app`'s process until stopped. `tend` is called once an hour (clearing unused media)."""

    def __init__(self, app: App, tend: Callable[[], Awaitable[Any]] | None = None) -> None:
        self.app = app
        self.last_tick: datetime | None = None
        self.holds_lock = False
        self._tend = tend
        self._running: set[str] = set()
        self._idle_claims: publishers.Held = frozenset()
        self._woken = asyncio.Event()
        self._stopping = False
        self._idle = asyncio.Event()
        self._ends: defaultdict[str, asyncio.Event] = defaultdict(asyncio.Event)
        self._scope: anyio.CancelScope | None = None

    def wake(self) -> None:
        """Something may be due now."""
        self._woken.set()

    async def next_end(self, post_id: str, seconds: float) -> None:
        """Returns when a platform post of this post has ended here, or after `seconds`."""
        event = self._ends[post_id]
        with anyio.move_on_after(seconds):
            await event.wait()

    async def run(self) -> None:
        """Publishes until `stop`. On SQLite it waits first until no other publisher has the data folder."""
        app = self.app
        if self._stopping:
            return
        lock = FolderLock(app.settings.data_dir / "publisher.lock") if app.db.is_sqlite else None
        with anyio.CancelScope() as self._scope:
            while lock is not None and not lock.take():
                await anyio.sleep(LOOK)
            self.holds_lock = True
            try:
                await app.db.write(publishers.beat, app.process, app.clock())
                await self._sweep()
                async with anyio.create_task_group() as tasks:
                    tasks.start_soon(self._gate, tasks)
                    tasks.start_soon(self._every, BEAT, self._beat)
                    tasks.start_soon(self._every, BEAT, self._sweep)
                    if self._tend is not None:
                        tasks.start_soon(self._every, TEND, self._tend)
                    if not app.db.is_sqlite:
                        tasks.start_soon(self._listen)
            finally:
                with anyio.CancelScope(shield=True):
                    with contextlib.suppress(Exception):
                        await app.db.write(publishers.leave, app.process, app.clock())
                    if lock is not None:
                        lock.release()

    async def stop(self) -> None:
        """Claims nothing more, lets what runs finish for a moment, then hands it over."""
        self._stopping = True
        self.wake()
        with anyio.move_on_after(STOP_WITHIN):
            while self._running:
                self._idle.clear()
                await self._idle.wait()
        if self._scope is not None:
            self._scope.cancel()

    async def health(self) -> dict[str, Any]:
        """`{"advancing": bool, "lastTick", "oldestOverdue"}`: false when the gate stands still or a free lane's due post
        has been left for a minute."""
        now = self.app.clock()
        overdue = await self.app.db.read(queue.oldest_overdue, now, self._caps())
        ticking = self.last_tick is not None and (now - self.last_tick).total_seconds() < STALLED
        late = overdue is not None and (now - overdue).total_seconds() > STALLED
        waiting = not self.holds_lock and self.app.db.is_sqlite
        return {
            "advancing": (ticking or waiting) and not late,
            "lastTick": self.last_tick,
            "oldestOverdue": overdue,
        }

    # -- the gate ------------------------------------------------------------------------------------------------

    async def _gate(self, tasks: TaskGroup) -> None:
        while not self._stopping:
            self._woken.clear()
            pause = LOOK
            try:
                due, next_at = await self.app.db.read(queue.outlook, self.app.clock())
                claims = await self._claim() if due else []
                for claim in claims:
                    tasks.start_soon(self._run, claim)
                pause = 0.0 if claims else self._pause(next_at)
            except Exception:
                log.exception("publisher.gate")
            self.last_tick = self.app.clock()
            if pause:
                with anyio.move_on_after(pause):
                    await self._woken.wait()

    async def _claim(self) -> list[Claim]:
        app = self.app
        return await app.db.write(
            queue.claim_due, app.process, app.clock(), caps=self._caps(), grace=app.settings.late_grace
        )  # fmt: skip

    def _caps(self) -> dict[str, int]:
        """How many may run at once on each platform, in all processes together. There is no limit over all platforms:
        one that hangs would use it up for the others."""
        return {key: broker.lanes for key, broker in self.app.brokers.items()}

    def _pause(self, next_at: datetime | None) -> float:
        """Seconds to sleep: until the next due time, and never so long that another process's work goes unnoticed."""
        wait = (next_at - self.app.clock()).total_seconds() if next_at is not None else LOOK
        return max(0.001, min(LOOK, wait))

    async def _run(self, claim: Claim) -> None:
        """A claim, and then whatever its lane has due next."""
        following: Claim | None = claim
        while following is not None:
            claim, following = following, None
            self._running.add(claim.platform_post_id)
            try:
                following = await carry_out(self.app, claim)
            except Exception:  # the database refused a write: the row still names this process as its owner
                log.exception("publisher.run", platform=claim.platform, post=claim.post_id)
                await self._give_back(claim, LOOK)
            finally:
                self._running.discard(claim.platform_post_id)
            self._ends.pop(claim.post_id, asyncio.Event()).set()
            if following is not None and self._stopping:
                await self._give_back(following, 0)
                break
        self._idle.set()
        self.wake()

    async def _give_back(self, claim: Claim, seconds: float) -> None:
        """Makes a claim due again for anyone. Where even that fails, a sweep does it."""
        with contextlib.suppress(Exception):
            await self.app.db.write(queue.give_back, claim, self.app.clock() + timedelta(seconds=seconds))

    # -- staying alive -------------------------------------------------------------------------------------------

    async def _every(self, seconds: float, do: Callable[[], Awaitable[Any]]) -> None:
        while True:
            await anyio.sleep(seconds)
            try:
                await do()
            except Exception:
                log.exception("publisher.upkeep")

    async def _beat(self) -> None:
        await self.app.db.write(publishers.beat, self.app.process, self.app.clock())

    async def _sweep(self) -> None:
        app = self.app
        alive_since = None if app.db.is_sqlite else app.clock() - timedelta(seconds=DEAD_AFTER)
        freed, self._idle_claims = await app.db.write(
            publishers.sweep, app.clock(), alive_since=alive_since, me=app.process, running=frozenset(self._running),
            idle=self._idle_claims,
        )  # fmt: skip
        if freed:
            log.info("publisher.took_over", count=freed)
            self.wake()

    async def _listen(self) -> None:
        """PostgreSQL tells of due times set by other processes. Without it, the gate looks once a second."""
        import psycopg

        url = self.app.db.url.set(drivername="postgresql").render_as_string(hide_password=False)
        while True:
            try:
                async with await psycopg.AsyncConnection.connect(url, autocommit=True) as connection:
                    await connection.execute("LISTEN ampost_due")
                    async for _ in connection.notifies():
                        self.wake()
            except psycopg.Error:
                await anyio.sleep(BEAT)
