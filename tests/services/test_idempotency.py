"""One key, one effect: across repeats, races, crashes and processes."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from ampost_mcp.context import App, Caller
from ampost_mcp.errors import AppError
from ampost_mcp.services import idempotency
from storage.idempotency import KEYS
from tests.clock import Clock
from tests.services.conftest import Ask

BODY = {"post": {"id": "1"}}
HOUR = timedelta(hours=1)


class Run:
    """An operation that counts how often it ran, and waits when it is told to."""

    def __init__(self, result: Any = BODY) -> None:
        self.count, self.result = 0, result
        self.began, self.may_end = asyncio.Event(), asyncio.Event()
        self.may_end.set()

    async def __call__(self) -> dict[str, Any]:
        self.count += 1
        self.began.set()
        await self.may_end.wait()
        if isinstance(self.result, BaseException):
            raise self.result
        return dict(self.result)


def rows(app: App) -> list[Any]:
    return list(app.db.read_here(lambda s: s.execute(KEYS.select()).mappings().all()))


async def test_the_first_answer_is_given_again(app: App, a_user: Any) -> None:
    caller, run = a_user(), Run()
    for _ in range(3):
        assert await idempotency.once(app, caller, "k", "f", run) == BODY
    assert run.count == 1


async def test_other_arguments_are_refused(app: App, a_user: Any) -> None:
    caller, run = a_user(), Run()
    await idempotency.once(app, caller, "k", "f", run)
    with pytest.raises(AppError, match="IDEMPOTENCY_KEY_REUSED"):
        await idempotency.once(app, caller, "k", "other", run)
    assert run.count == 1


async def test_another_users_key_is_unrelated(app: App, a_user: Any) -> None:
    run = Run()
    for caller in (a_user(), a_user()):
        await idempotency.once(app, caller, "k", "f", run)
    assert run.count == 2


async def test_a_key_is_forgotten_after_a_day(app: App, a_user: Any, clock: Clock) -> None:
    caller, run = a_user(), Run()
    await idempotency.once(app, caller, "k", "f", run)
    clock.forward(hours=23, minutes=59)
    await idempotency.once(app, caller, "k", "f", run)
    assert run.count == 1
    clock.forward(minutes=1)
    await idempotency.once(app, caller, "k", "other", run)
    assert run.count == 2


async def test_a_repeat_while_the_first_runs_is_told_to_wait(app: App, a_user: Any) -> None:
    caller, run = a_user(), Run()
    run.may_end.clear()
    first = asyncio.ensure_future(idempotency.once(app, caller, "k", "f", run))
    await run.began.wait()
    with pytest.raises(AppError, match="IDEMPOTENCY_IN_PROGRESS"):
        await idempotency.once(app, caller, "k", "f", run)
    run.may_end.set()
    assert await first == BODY
    assert await idempotency.once(app, caller, "k", "f", run) == BODY
    assert run.count == 1


async def test_it_goes_on_when_the_caller_goes_away(app: App, a_user: Any) -> None:
    caller, run = a_user(), Run()
    run.may_end.clear()
    first = asyncio.ensure_future(idempotency.once(app, caller, "k", "f", run))
    await run.began.wait()
    first.cancel()
    with pytest.raises(asyncio.CancelledError):
        await first
    run.may_end.set()
    await asyncio.wait(app.extras["running"])
    assert await idempotency.once(app, caller, "k", "f", run) == BODY
    assert run.count == 1


@pytest.mark.parametrize("error", [AppError("VALIDATION_FAILED", "no"), AppError("POST_NOT_FOUND", "no"), ValueError()])
async def test_what_was_refused_can_be_sent_again(app: App, a_user: Any, error: Exception) -> None:
    caller, run = a_user(), Run(error)
    for _ in range(2):
        with pytest.raises(type(error)):
            await idempotency.once(app, caller, "k", "f", run)
    assert run.count == 2
    assert rows(app) == []


async def test_a_failure_that_carries_a_post_is_an_answer(app: App, a_user: Any) -> None:
    error = AppError("BROKER_ERROR", "no", "hint", [{"code": "BROKER_ERROR", "post": {"id": "1"}}], retryable=False)
    caller, run = a_user(), Run(error)
    for _ in range(2):
        with pytest.raises(AppError) as caught:
            await idempotency.once(app, caller, "k", "f", run)
        assert caught.value == error
    assert run.count == 1


async def test_answers_are_sealed(app: App, a_user: Any) -> None:
    await idempotency.once(app, a_user(), "k", "f", Run({"post": {"text": "a secret plan"}}))
    assert "secret" not in str(rows(app))


async def test_a_create_is_remembered_with_its_post(app: App, ask: Ask, write: Ask, writer: Caller) -> None:
    """The answer is there even when the process dies right after the transaction that made the post."""
    post = await write(writer, "once", key="k")
    (row,) = rows(app)
    after_restart = replace(app, process="another process", extras={})
    assert await idempotency.clear_orphans(after_restart) == 0
    assert row["answer"] is not None
    assert await write(writer, "once", key="k") == post
    assert len((await ask(writer, "posts_list"))["posts"]) == 1


async def test_a_refused_create_keeps_its_key_free(ask: Ask, write: Ask, writer: Caller) -> None:
    with pytest.raises(AppError, match="CONTENT_TOO_LONG"):
        await write(writer, "x" * 501, key="k")
    await write(writer, "short", key="k")
    assert len((await ask(writer, "posts_list"))["posts"]) == 1


async def test_a_process_whose_key_was_taken_over_creates_nothing(app: App, ask: Ask, write: Ask, writer: Caller) -> None:
    """It was believed dead, another one took the request over, and then it went on."""
    slow, began, go_on = replace(app, process="slow"), asyncio.Event(), asyncio.Event()

    async def create_late() -> dict[str, Any]:
        began.set()
        await go_on.wait()
        return {"post": await write(writer, "late")}

    late = asyncio.ensure_future(idempotency.once(slow, writer, "k", "f", create_late))
    await began.wait()
    await idempotency.clear_orphans(replace(app, clock=lambda: app.clock() + HOUR))
    assert await idempotency.once(app, writer, "k", "f", Run()) == BODY
    go_on.set()
    with pytest.raises(AppError, match="IDEMPOTENCY_IN_PROGRESS"):
        await late
    assert (await ask(writer, "posts_list"))["posts"] == []


async def test_what_a_dead_process_left_is_cleared_at_start(app: App, a_user: Any, clock: Clock) -> None:
    caller, run = a_user(), Run()
    run.may_end.clear()
    first = asyncio.ensure_future(idempotency.once(replace(app, process="dead", extras={}), caller, "k", "f", run))
    await run.began.wait()
    clock.forward(hours=1)
    assert await idempotency.clear_orphans(app) == 1
    again = Run()
    assert await idempotency.once(app, caller, "k", "f", again) == BODY
    assert again.count == 1
    run.may_end.set()
    await first


async def test_sets_are_made_once_too(ask: Ask, a_user: Any) -> None:
    caller = a_user()
    made = [await ask(caller, "platform_sets_create", key="k", name="Once") for _ in range(2)]
    assert made[0] == made[1]
    assert len((await ask(caller, "platform_sets_list"))["sets"]) == 2


async def test_racing_repeats_make_one_post(ask: Ask, write: Ask, writer: Caller) -> None:
    answers = await asyncio.gather(*(write(writer, "once", key="k") for _ in range(12)), return_exceptions=True)
    ids = {answer["id"] for answer in answers if isinstance(answer, dict)}
    others = {answer.code for answer in answers if isinstance(answer, AppError)}
    assert len(ids) == 1
    assert others <= {"IDEMPOTENCY_IN_PROGRESS"}
    assert len((await ask(writer, "posts_list"))["posts"]) == 1
