"""Schedules over changes to and from summer time, and clocks that jump."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import event

from ampost_mcp.context import App
from tests.clock import Clock
from tests.publishing.conftest import Author, Script, publisher

Scripts = dict[str, Script]
HOUR = timedelta(hours=1)
#: Zone -> a wall-clock time that comes twice there, once with the offset of summer and once with that of winter.
TWICE = {
    "Europe/Berlin": datetime(2027, 10, 31, 2, 30),
    "America/New_York": datetime(2027, 11, 7, 1, 30),
    "Australia/Lord_Howe": datetime(2027, 4, 4, 1, 45),  # where summer time is half an hour
}


@pytest.fixture(autouse=True)
def time_is_ours(app: App, clock: Clock) -> None:
    app.clock = clock


@pytest.fixture
def in_berlin(app: App, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A server, and a database, whose own time zone has a summer time."""
    if not app.db.is_sqlite:
        event.listen(app.db.engine, "connect", lambda connection, _: connection.execute("SET TIME ZONE 'Europe/Berlin'"))
        app.db.engine.dispose()
    monkeypatch.setenv("TZ", "Europe/Berlin")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


async def _at(app: App, clock: Clock, now: datetime) -> None:
    """Moves the clock and waits until the publisher has looked at it, from a look's beginning to its end."""
    clock.now, publisher = now, app.publisher
    assert publisher is not None
    for _ in range(2):
        publisher.last_tick = None
        async with asyncio.timeout(10):
            while publisher.last_tick is None:
                app.wake()
                await asyncio.sleep(0.005)


@pytest.mark.parametrize("zone", TWICE)
async def test_an_hour_that_comes_twice_is_two_times(app: App, author: Author, scripts: Scripts, clock: Clock, zone: str) -> None:
    summer = TWICE[zone].replace(tzinfo=ZoneInfo(zone))
    winter = summer.replace(fold=1)
    assert summer.isoformat() != winter.isoformat() and summer.isoformat()[:19] == winter.isoformat()[:19]
    clock.now = (first := summer.astimezone(UTC)) - HOUR
    second = winter.astimezone(UTC)
    late = await author.draft("winter", "facebook", scheduledFor=winter.isoformat())
    early = await author.draft("summer", "facebook", scheduledFor=summer.isoformat())
    async with publisher(app):
        await _at(app, clock, first - timedelta(microseconds=1))
        assert scripts["facebook"].sent == []
        await _at(app, clock, first)
        await author.until(early, "published")
        await _at(app, clock, second - timedelta(microseconds=1))
        assert scripts["facebook"].sent == ["summer"]
        await _at(app, clock, second)
        await author.until(late, "published")
    assert scripts["facebook"].sent == ["summer", "winter"]


async def test_an_hour_that_never_comes_is_told_by_its_offset(app: App, author: Author, scripts: Scripts, clock: Clock) -> None:
    """02:30 does not exist in Berlin that night; with an offset it is an instant all the same."""
    ids = [
        await author.draft("skipped", "facebook", scheduledFor="2027-03-28T02:30:00+01:00"),
        await author.draft("shown", "facebook", scheduledFor="2027-03-28T03:30:00+02:00"),
    ]
    assert {(await author.get(post_id))["scheduledFor"] for post_id in ids} == {"2027-03-28T01:30:00Z"}
    async with publisher(app):
        await _at(app, clock, datetime(2027, 3, 28, 1, 29, 59, tzinfo=UTC))
        assert scripts["facebook"].sent == []
        await _at(app, clock, datetime(2027, 3, 28, 1, 30, tzinfo=UTC))
        for post_id in ids:
            await author.until(post_id, "published")
    assert scripts["facebook"].sent == ["skipped", "shown"]


@pytest.mark.usefixtures("in_berlin")
async def test_the_servers_own_time_zone_does_not_matter(app: App, author: Author, scripts: Scripts, clock: Clock) -> None:
    for hour in range(5):  # 23:30 to 03:30 UTC, over the end of summer time
        at = datetime(2027, 10, 30, 23, 30, tzinfo=UTC) + hour * HOUR
        await author.draft(f"hour {hour}", "facebook", scheduledFor=at.isoformat())
    async with publisher(app):
        for hour in range(5):
            await _at(app, clock, datetime(2027, 10, 30, 23, 29, 59, tzinfo=UTC) + hour * HOUR)
            assert len(scripts["facebook"].sent) == hour
            await _at(app, clock, datetime(2027, 10, 30, 23, 30, tzinfo=UTC) + hour * HOUR)
            async with asyncio.timeout(10):
                while len(scripts["facebook"].sent) == hour:
                    await asyncio.sleep(0.005)
    assert scripts["facebook"].sent == [f"hour {hour}" for hour in range(5)]


async def test_a_clock_that_jumps_over_the_time_sends_once(app: App, author: Author, scripts: Scripts, clock: Clock) -> None:
    post_id = await author.draft("later", "facebook", scheduledFor=(clock.now + HOUR).isoformat())
    async with publisher(app):
        await _at(app, clock, clock.now + 10 * HOUR)
        await author.until(post_id, "published")
        await _at(app, clock, clock.now - 10 * HOUR)
        await _at(app, clock, clock.now + 10 * HOUR)
    assert scripts["facebook"].sent == ["later"]


async def test_a_clock_that_goes_back_sends_nothing_before_its_time(
    app: App, author: Author, scripts: Scripts, clock: Clock
) -> None:
    post_id = await author.draft("later", "facebook", scheduledFor=(at := clock.now + HOUR).isoformat())
    async with publisher(app):
        await _at(app, clock, at - timedelta(seconds=1))
        await _at(app, clock, at - 5 * HOUR)
        await _at(app, clock, at - timedelta(seconds=1))
        assert scripts["facebook"].sent == [] and (await author.get(post_id))["status"] == "scheduled"
        await _at(app, clock, at)
        await author.until(post_id, "published")
    assert scripts["facebook"].sent == ["later"]


@pytest.mark.parametrize("jump", [-10 * HOUR, 10 * HOUR, 100 * HOUR])
async def test_a_clock_that_jumps_during_the_request_sends_nothing_again(
    app: App, author: Author, scripts: Scripts, clock: Clock, jump: timedelta
) -> None:
    scripts["facebook"].gate = asyncio.Event()
    post_id = await author.draft("now", "facebook", scheduledFor=(clock.now + HOUR).isoformat())
    async with publisher(app):
        await _at(app, clock, clock.now + HOUR)
        async with asyncio.timeout(10):
            while not scripts["facebook"].sent:
                await asyncio.sleep(0.005)
        await _at(app, clock, clock.now + jump)
        scripts["facebook"].gate.set()
        await author.until(post_id, "published")
    assert scripts["facebook"].sent == ["now"]


async def test_after_a_jump_over_the_grace_every_platform_has_missed_its_time(
    app: App, author: Author, scripts: Scripts, clock: Clock
) -> None:
    """Also the platform whose lane is busy at that moment."""
    scripts["facebook"].gate = asyncio.Event()
    app.settings = app.settings.model_copy(update={"publish_wait": 0, "scheduling": "all"})
    running = await author.draft("running", "facebook")
    await author.publish(running)
    late = await author.draft("late", "threads", "facebook", scheduledFor=(clock.now + HOUR).isoformat())
    async with publisher(app):
        async with asyncio.timeout(10):
            while not scripts["facebook"].sent:
                await asyncio.sleep(0.005)
        await _at(app, clock, clock.now + HOUR + timedelta(seconds=app.settings.late_grace + 1))
        scripts["facebook"].gate.set()
        post = await author.until(late, "failed", "partial", "published")
    assert [pp["error"] and pp["error"]["code"] for pp in post["platformPosts"]] == ["MISSED_SCHEDULE"] * 2
    assert scripts["facebook"].sent == ["running"] and scripts["threads"].sent == []
