"""Walks through the model that nothing is left to chance in: every point of a publish, every fault, every verb."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.model.machine import SILENCE, Publishing
from tests.model.platforms import PLACES
from tests.model.world import GRACE, LANES, POINTS, Ground

ALL = list(LANES)
UNSURE = ("lost", "dropped")
#: PostgreSQL has its turn in `test_model`.
pytestmark = pytest.mark.parametrize("db", ["sqlite"], indirect=True)


@pytest.fixture
def world(ground: Ground) -> Iterator[Publishing]:
    """Several machines, one of them running. Afterwards everything must come to an end."""
    machine = Publishing(ground)
    machine.begin(one_machine=False)
    yield machine
    machine.teardown()


def _retry_all(world: Publishing) -> None:
    """Retries what failed, first without and then with the risk."""
    for naming, acknowledged in (("none", False), ("unknown", False), ("unknown", True)):
        world.look()
        if any(status in ("failed", "partial") for status in map(world.seen.status, world.seen.known.values())):
            world.retry(0, naming, acknowledged)
    world.tick(5)
    world.look()


@pytest.mark.parametrize("point", POINTS)
def test_killed_at_a_point(world: Publishing, point: str) -> None:
    world.show_what_took_effect("threads", False)
    world.kill_while_it_publishes(ALL, 0, 0, point)
    world.tick(2 * SILENCE)
    _retry_all(world)


@pytest.mark.parametrize("point", POINTS)
def test_paused_at_a_point_and_woken_when_another_has_taken_over(world: Publishing, point: str) -> None:
    world.show_what_took_effect("threads", False)
    world.pause_while_it_publishes(ALL, 0, 0, point)
    _retry_all(world)


@pytest.mark.parametrize(("place", "kind"), [(place, kind) for place, kinds in PLACES.items() for kind in kinds])
def test_a_fault(world: Publishing, place: str, kind: str) -> None:
    for platform in ALL:
        world.fail_next(platform, (place, kind))
        if place == "look":  # is only asked when something is unsure
            world.fail_next(platform, ("send", "lost"))
        if place == "token":
            world.expire_tokens(platform)
    world.create_and_publish(ALL, 0)
    for _ in range(3):
        world.tick(SILENCE)
        world.look()
    _retry_all(world)


@pytest.mark.parametrize("kind", UNSURE)
def test_killed_when_the_answer_was_lost_and_the_token_with_it(world: Publishing, kind: str) -> None:
    """Whoever settles it cannot ask at first, and sends nothing because of that."""
    for platform in ALL:
        world.fail_next(platform, ("send", kind))
        world.fail_next(platform, ("token", "transient"))
    world.kill_while_it_publishes(ALL, 0, 0, "after send")
    for platform in ALL:
        world.expire_tokens(platform)
    for _ in range(3):
        world.tick(SILENCE)
        world.look()
    _retry_all(world)


@pytest.mark.parametrize("late", [60, GRACE + 60])
def test_late_while_a_lane_is_busy(world: Publishing, late: int) -> None:
    world.create(ALL, 0, 20, False)
    world.fail_next("facebook", ("upload", "slow"))
    world.create_and_publish(["facebook"], 0)
    world.tick(1)
    world.set_clock(20 + late)
    for _ in range(3):
        world.tick(SILENCE)
        world.look()


def test_changes_of_mind(world: Publishing) -> None:
    for ahead in (20, 120):
        world.create(ALL, 0, ahead, True)
        world.look()
    world.edit_text(0)
    world.reschedule(0, 1)
    world.look()
    world.edit_platforms(1, ["twitter", "threads"], 1)
    world.look()
    world.cancel(1)
    world.look()
    world.set_clock(60)
    for _ in range(2):
        world.tick(5)
        world.look()
    for which in (0, 1):
        world.edit_text(which)
        world.publish(which)
        world.cancel(which)
        world.look()
    world.create(ALL, 0, 20, False)
    world.look()
    world.reschedule(0, None)
    world.set_clock(60)
    world.tick(5)
    world.look()


def test_many_at_one_instant_go_in_order_and_within_the_lanes(world: Publishing) -> None:
    world.start()
    for place in (0, 1, 0, 1):
        world.create(ALL, place, 20, False)
    world.fail_next("threads", ("send", "quota"))
    world.look()
    world.set_clock(20)
    for point in POINTS:
        world.step(point)
        world.look()
    world.set_clock(60)
    world.tick(SILENCE)
    world.look()


@pytest.mark.parametrize("seconds", [-3600, -60, 60, 3600])
def test_a_clock_that_jumps_while_it_publishes(world: Publishing, seconds: int) -> None:
    for point in ("after claim_due", "after open_intent", "after send", "before _record"):
        world.create_and_publish(ALL, 0)
        world.step(point)
        world.set_clock(seconds)
        world.look()
        world.tick(SILENCE)
        world.look()
