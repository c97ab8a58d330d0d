"""The same request with the same key gets the first answer again, for 24 hours and across restarts.

What creates something stores its answer in its own transaction (`current`), so that no crash can leave a post behind
whose key is not known. Refused requests leave nothing; failures that a post carries are answers like any other.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from contextvars import ContextVar
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from sqlalchemy.exc import IntegrityError
from sqlmodel import Session

from ampost_mcp.context import App, Caller
from ampost_mcp.errors import AppError
from storage import idempotency as rows

KEEP = timedelta(hours=24)
#: A request under way for longer than this (and the publish wait) belongs to a process that died.
LONGEST = timedelta(minutes=15)

Answer = dict[str, Any]


@dataclass
class Slot:
    """The place of a request's answer. `is_saved` once an answer was written in a transaction of the operation."""

    app: App
    row: dict[str, Any] = field(repr=False)
    is_saved: bool = False

    def save(self, session: Session, body: Answer) -> None:
        """Stores a success within the operation's own transaction. Raises IDEMPOTENCY_IN_PROGRESS, and so undoes the
        transaction, when another process took the key over."""
        if not rows.answer(session, self.row, self.sealed({"body": body})):
            raise _in_progress()
        self.is_saved = True

    def sealed(self, answer: Answer) -> str:
        return self.app.keyring.seal(json.dumps(answer), self.row["user_id"], self.row["key"], "answer")

    def opened(self, sealed: str) -> Answer:
        answer: Answer = json.loads(self.app.keyring.open(sealed, self.row["user_id"], self.row["key"], "answer"))
        return answer


_SLOT: ContextVar[Slot | None] = ContextVar("idempotency_slot", default=None)


def current() -> Slot | None:
    """The slot of the request that this task serves, if it came with a key."""
    return _SLOT.get()


async def once(
    app: App, caller: Caller, key: str, fingerprint: str, run: Callable[[], Awaitable[Answer]]
) -> Answer:  # fmt: skip
    """Runs `run` unless the caller's `key` was answered before; `fingerprint` stands for operation and arguments.

    Raises IDEMPOTENCY_KEY_REUSED for another fingerprint, IDEMPOTENCY_IN_PROGRESS while the first request runs, and
    whatever `run` raised the first time if that was an outcome. The run goes on when the caller goes away.
    """
    now = app.clock()
    slot = Slot(app, {
        "user_id": caller.user_id, "key": key, "fingerprint": fingerprint, "owner": app.process, "answer": None,
        "created_at": now, "expires_at": now + KEEP,
    })  # fmt: skip
    first = await _begin(app, slot)
    if first is not None:
        return _again(slot, first, fingerprint)
    task = asyncio.create_task(_run(app, slot, run))
    running: set[asyncio.Future[Any]] = app.extras.setdefault("running", set())
    running.add(task)
    task.add_done_callback(running.discard)
    return await asyncio.shield(task)


async def clear_orphans(app: App) -> int:
    """Forgets requests that processes before this one left under way. To be called at start: on SQLite by the one process
    that serves the data folder; on PostgreSQL others may be serving, so only old ones go."""
    owner = app.process if app.db.is_sqlite else None
    return await app.db.write(rows.clear_orphans, owner, app.clock() - _longest(app))


async def _begin(app: App, slot: Slot) -> dict[str, Any] | None:
    now = app.clock()
    try:
        return await app.db.write(rows.begin, slot.row, now, now - _longest(app))
    except IntegrityError:  # another process was a moment faster
        return await app.db.write(rows.begin, slot.row, now, now - _longest(app))


def _longest(app: App) -> timedelta:
    return LONGEST + timedelta(seconds=app.settings.publish_wait)


def _again(slot: Slot, first: dict[str, Any], fingerprint: str) -> Answer:
    if first["fingerprint"] != fingerprint:
        raise AppError(
            "IDEMPOTENCY_KEY_REUSED",
            "This idempotency key came with another request before.",
            "Use a new key for a new request; the old key only repeats the old one.",
        )
    if first["answer"] is None:
        raise _in_progress()
    answer = slot.opened(first["answer"])
    if "error" in answer:
        raise AppError(**answer["error"])
    body: Answer = answer["body"]
    return body


async def _run(app: App, slot: Slot, run: Callable[[], Awaitable[Answer]]) -> Answer:
    _SLOT.set(slot)
    try:
        body = await run()
    except AppError as error:
        await _keep_failure(app, slot, error)
        raise
    except BaseException:
        await app.db.write(rows.release, slot.row)
        raise
    if not slot.is_saved:
        await app.db.write(rows.answer, slot.row, slot.sealed({"body": body}))
    return body


async def _keep_failure(app: App, slot: Slot, error: AppError) -> None:
    """An error that carries a post tells how an attempt ended; every other one refused the request."""
    if not any("post" in detail for detail in error.details):
        await app.db.write(rows.release, slot.row)
        return
    said = {
        "code": error.code, "message": error.message, "hint": error.hint, "details": error.details,
        "retryable": error.retryable,
    }  # fmt: skip
    await app.db.write(rows.answer, slot.row, slot.sealed({"error": said}))


def _in_progress() -> AppError:
    return AppError(
        "IDEMPOTENCY_IN_PROGRESS",
        "The first request with this idempotency key is still running.",
        "Wait a moment, then send the same request again.",
    )
