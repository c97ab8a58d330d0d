"""Same key, same user, same request within a day: the first answer again, across restarts and doors."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from contextvars import ContextVar
from datetime import timedelta
from typing import Any

from sqlmodel import Session

from ampost_mcp.context import App, Caller
from ampost_mcp.errors import AppError
from storage import idempotency as rows

LIFE = timedelta(hours=24)
#: A request that has no answer after this is taken for dead where several processes serve.
ABANDONED = timedelta(minutes=5)
#: Failures that are answers: something was done, or begun. What was refused before that may be mended and sent again.
KEPT = frozenset({"BROKER_ERROR", "MEDIA_UPLOAD_FAILED", "PUBLISH_OUTCOME_UNKNOWN", "PAGE_IDENTITY_CONFIRMATION_REQUIRED"})

Run = Callable[[], Awaitable[dict[str, Any]]]
Record = Callable[[Session, dict[str, Any]], None]

#: Set while an operation runs under a key.
recording: ContextVar[Record | None] = ContextVar("recording", default=None)


async def once(app: App, caller: Caller, key: str, fingerprint: str, run: Run) -> dict[str, Any]:
    """Runs, or answers what the first run answered.

    Raises IDEMPOTENCY_KEY_REUSED for another request under the same key, IDEMPOTENCY_IN_PROGRESS while the first runs.
    """
    now = app.clock()
    former = await app.db.write(rows.take, caller.user_id, key, fingerprint, app.process, now, now + LIFE)
    if former is not None:
        return _again(app, caller, former, fingerprint)

    def record(session: Session, answer: dict[str, Any]) -> None:
        rows.finish(session, caller.user_id, key, app.process, 200, _seal(app, caller, key, answer))

    token = recording.set(record)
    try:
        answer = await run()
        await app.db.write(record, answer)
        return answer
    except AppError as error:
        if error.code in KEPT:
            said = {
                "code": error.code, "message": error.message, "hint": error.hint, "details": error.details,
                "retryable": error.retryable,
            }  # fmt: skip
            sealed = _seal(app, caller, key, said)
            await app.db.write(rows.finish, caller.user_id, key, app.process, error.status, sealed)
        else:
            await app.db.write(rows.give_back, caller.user_id, key, app.process)
        raise
    except BaseException:
        await app.db.write(rows.give_back, caller.user_id, key, app.process)
        raise
    finally:
        recording.reset(token)


def recorder() -> Record:
    """What stores an answer with the work itself, when the request carries a key: both are on disk, or neither. Ask for
    it before the transaction, and call it inside."""
    return recording.get() or (lambda session, answer: None)


async def clear_orphans(app: App) -> None:
    """At start: keys whose request died with its process are free again."""
    now = app.clock()
    await app.db.write(rows.clear, now, None if app.db.is_sqlite else now - ABANDONED)


def _again(app: App, caller: Caller, former: dict[str, Any], fingerprint: str) -> dict[str, Any]:
    key = [{"code": "IDEMPOTENCY_KEY_REUSED", "field": "idempotencyKey"}]
    if former["fingerprint"] != fingerprint:
        raise AppError(
            "IDEMPOTENCY_KEY_REUSED", "This idempotency key came with another request before.",
            "Use a new key for a new request, or send the first request unchanged.", key,
        )  # fmt: skip
    if former["answer"] is None:
        raise AppError(
            "IDEMPOTENCY_IN_PROGRESS", "The first request with this key is still running.",
            "Send it again in a moment with the same key.",
        )  # fmt: skip
    answer: dict[str, Any] = json.loads(app.keyring.open(former["answer"], caller.user_id, former["key"], "answer"))
    if former["status"] >= 400:
        raise AppError(**answer)
    return answer


def _seal(app: App, caller: Caller, key: str, answer: dict[str, Any]) -> str:
    return app.keyring.seal(json.dumps(answer), caller.user_id, key, "answer")
