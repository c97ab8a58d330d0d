"""Every documented error of every platform, through the whole engine to the platform post that an agent reads, and on to
where the error leads: tried again by itself, retried, or published once the account is connected again."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from brokers import BROKERS
from tests.whole import errors_meta, errors_others
from tests.whole.desk import Desk, Going
from tests.whole.errors import Row

ROWS = (*errors_meta.ROWS, *errors_others.ROWS)
META = {row.platform for row in errors_meta.ROWS}
WAITS, RETRYABLE = ("transient", "quota"), ("transient", "quota", "limit", "late")
#: The first row of each class and step: how a failed post is sent again depends on nothing else.
FIRST = {(row.platform, row.step, row.kind): row for row in reversed(ROWS)}.values()
#: Rows that are not tried: 200 to 299 are one row, whose ends are, and no post meets what Facebook says of a login's code.
NOT_TRIED = {*(str(code) for code in range(200, 300)), "100/36007", "100/36009"}
#: What each platform's table must have; LinkedIn documents nothing that a member must do.
CLASSES = {"content", "auth", "transient", "unknown"}


@pytest.fixture
def desk(a_desk: Callable[[str], Desk], row: Row) -> Desk:
    desk = a_desk(row.platform)
    if row.step == "token":
        desk.connect(refreshable=True, expired=True)
    return desk


def arm(desk: Desk, row: Row) -> None:
    answer = row.answer(row.key)
    if answer is None:
        desk.who.extra[row.step] = row.key
        return
    if row.post == "reel":  # the first look is at an upload that has not begun
        desk.world.arm_reply(row.platform, row.step, 200, {"id": "1", "status": {}})
    for _ in range(3 if row.kind == "auth" else 1):  # a refused token is renewed and tried again
        status, headers, body = answer
        desk.world.arm_reply(row.platform, row.step, status, body, headers)


def disarm(desk: Desk, row: Row) -> None:
    desk.who.extra.pop(row.step, None)
    desk.world.replies.clear()


@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize("row", ROWS, ids=str)
async def test_an_error_ends_in_its_code_class_and_hint(desk: Desk, row: Row) -> None:
    arm(desk, row)
    await desk.publish(row.post)
    told = await desk.until(lambda told: told["error"] and told["status"] == ("pending" if row.kind in WAITS else "failed"))
    error, before = told["error"], desk.sent
    assert row.code == (error["code"] if error["code"] != "BROKER_ERROR" else error["brokerCode"]), error
    assert row.says in (error["hint"] or ""), error
    assert error["message"] and error["retryable"] is (row.kind in RETRYABLE), error
    assert before == (row.post == "reel") and told["url"] is told["platformPostId"] is None
    assert await desk.token_state() == ("reconnect_required" if row.kind == "auth" else "ok")
    assert desk.is_blocked is (row.kind == "quota")
    disarm(desk, row)
    if row.kind in WAITS or row in FIRST:
        told = await GOES_ON[row.kind](desk, row)
        assert (told["status"], told["error"], desk.sent) == ("published", None, before + 1)


async def by_itself(desk: Desk, row: Row) -> dict[str, Any]:
    clock = desk.app.clock
    assert isinstance(clock, Going)
    clock.shift += timedelta(hours=1)
    desk.app.wake()
    return await desk.until(lambda told: told["status"] == "published")


async def by_retry(desk: Desk, row: Row) -> dict[str, Any]:
    return await desk.retry()


async def by_connecting(desk: Desk, row: Row) -> dict[str, Any]:
    assert (await desk.author.retry(desk.posts[0]))["error"] == "PLATFORM_NOT_CONNECTED"
    desk.connect()
    return await desk.retry()


async def by_taking_the_risk(desk: Desk, row: Row) -> dict[str, Any]:
    assert (await desk.author.retry(desk.posts[0]))["error"] == "INVALID_STATUS_TRANSITION"
    return await desk.retry(platforms=[row.platform], acknowledge_duplicate_risk=True)


GOES_ON = {
    "transient": by_itself, "quota": by_itself, "auth": by_connecting, "unclear": by_taking_the_risk,
    **dict.fromkeys(("limit", "late", "content", "identity", "config", "unknown"), by_retry),
}  # fmt: skip


REFUSED = [row for row in errors_others.ROWS if row.kind == "auth" and row.step != "token"]


@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize("row", REFUSED, ids=str)
async def test_a_token_that_is_refused_is_renewed_once(desk: Desk, row: Row) -> None:
    """When the new one is refused too, the account is given up: nothing goes round in circles."""
    desk.connect(refreshable=True)
    desk.world.counts.clear()
    for _ in range(5):
        arm(desk, row)
    await desk.publish(row.post)
    told = await desk.until(lambda told: told["status"] == "failed")
    assert (told["error"]["brokerCode"], desk.sent) == (row.code, 0)
    assert desk.world.counts[row.platform, "token"] == 1
    assert await desk.token_state() == "reconnect_required"


@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize("row", REFUSED, ids=str)
async def test_a_token_that_is_refused_once_costs_nothing_but_its_renewal(desk: Desk, row: Row) -> None:
    desk.connect(refreshable=True)
    status, headers, body = row.answer(row.key) or (0, {}, None)
    desk.world.arm_reply(row.platform, row.step, status, body, headers)
    await desk.publish(row.post)
    told = await desk.until(lambda told: told["status"] == "published")
    assert (told["error"], desk.sent, await desk.token_state()) == (None, 1, "ok")


@pytest.mark.parametrize("platform", sorted(BROKERS))
def test_every_row_of_a_brokers_table_is_tried(platform: str) -> None:
    table = importlib.import_module(f"brokers.{platform}.errors").ROWS
    tried = {row.key for row in ROWS if row.platform == platform}
    if platform in META:
        tried = {next((name for name in errors_meta.names(key) if name in table), key) for key in tried}
    assert set(table) - tried - NOT_TRIED == set()


def test_there_are_rows_of_every_class_on_every_platform() -> None:
    assert len(ROWS) >= 60
    for platform in BROKERS:
        kinds = {row.kind for row in ROWS if row.platform == platform}
        assert kinds >= CLASSES and kinds & {"quota", "limit", "late"}, platform
        assert "identity" in kinds or platform == "linkedin"
