"""What may happen, in any order: what users call, what publishers and platforms do, how processes and clocks fail."""

from __future__ import annotations

from datetime import datetime, timedelta
from functools import partial
from typing import Any

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from structlog.testing import capture_logs

from ampost_mcp.services import settling
from storage.queue import Claim
from tests.model.platforms import PLACES
from tests.model.reference import ACCEPTED, POST_FINAL, UNKNOWN, Known, Part, code_of, retried
from tests.model.witness import Witness
from tests.model.world import GRACE, LANES, POINTS, Ground, Process, World

ONE_PLATFORM = st.sampled_from(tuple(LANES))
PLATFORMS = st.lists(ONE_PLATFORM, min_size=1, max_size=3, unique=True)
SETS = st.integers(0, 1)
#: Which of the posts (the newest first) or processes that there are.
WHICH = st.integers(0, 6)
STEPS = st.integers(1, 45)
WHERE = STEPS | st.sampled_from(POINTS)
AHEAD = st.sampled_from((1, 20, 120, GRACE + 300))
FAULTS = st.one_of(*(st.tuples(st.just(place), st.sampled_from(kinds)) for place, kinds in PLACES.items()))
NAMED = st.sampled_from(("none", "failed", "unknown")) | PLATFORMS
#: More than the time after which a silent process counts as dead.
SILENCE = 20
MOST_PROCESSES = 3


class Publishing(RuleBasedStateMachine):
    """Users, publishers, platforms and trouble, on a `Ground`."""

    def __init__(self, ground: Ground) -> None:
        super().__init__()
        self.ground = ground
        self.texts = 0
        self._capture = capture_logs()
        self.seen = Witness(self._capture.__enter__())

    @initialize(one_machine=st.booleans())
    def begin(self, one_machine: bool) -> None:
        self.world = World(self.ground, one_machine, self._hear, self.seen.log)
        self.world.start()

    # -- users ---------------------------------------------------------------------------------------------------

    @rule(platforms=PLATFORMS, place=SETS, ahead=st.none() | AHEAD, twice=st.booleans())
    def create(self, platforms: list[str], place: int, ahead: int | None, twice: bool) -> None:
        text, at = self._text(), self._ahead(ahead)
        raw = {"content": {"text": text}, "platforms": platforms, "platformSetId": self.ground.sets[place]}
        raw |= {"scheduledFor": at.isoformat()} if at else {}
        ask = partial(self.world.call, "posts_create", f"key of {text}" if twice else None, **raw)
        post = ask()
        assert not twice or ask() == post
        self.seen.known[post["id"]] = Known(post["id"], text, at, {name: Part() for name in platforms})

    @precondition(lambda self: self.seen.known)
    @rule(which=WHICH)
    def publish(self, which: int) -> None:
        known = self._one(which)
        if self._call("posts_publish", known):
            for part in known.parts.values():
                part.asked = True

    @rule(platforms=PLATFORMS, place=SETS)
    def create_and_publish(self, platforms: list[str], place: int) -> None:
        self.create(platforms, place, None, False)
        self.look()
        self.publish(0)

    @precondition(lambda self: self.seen.known)
    @rule(which=WHICH)
    def edit_text(self, which: int) -> None:
        known, text = self._one(which), self._text()
        if self._call("posts_update", known, content={"text": text}):
            known.texts.append(text)

    @precondition(lambda self: self.seen.known)
    @rule(which=WHICH, platforms=PLATFORMS, place=SETS)
    def edit_platforms(self, which: int, platforms: list[str], place: int) -> None:
        known = self._one(which)
        if self._call("posts_update", known, platforms=platforms, platformSetId=self.ground.sets[place]):
            known.parts = {name: Part() for name in platforms}

    @precondition(lambda self: self.seen.known)
    @rule(which=WHICH, ahead=st.none() | AHEAD)
    def reschedule(self, which: int, ahead: int | None) -> None:
        known, at = self._one(which), self._ahead(ahead)
        if self._call("posts_update", known, scheduledFor=at.isoformat() if at else None):
            known.scheduled_for = at

    @precondition(lambda self: self.seen.known)
    @rule(which=WHICH)
    def cancel(self, which: int) -> None:
        self._call("posts_delete", self._one(which))

    @precondition(lambda self: any(self.seen.status(known) in ACCEPTED["posts_retry"] for known in self.seen.known.values()))
    @rule(which=WHICH, naming=NAMED, acknowledged=st.booleans())
    def retry(self, which: int, naming: Any, acknowledged: bool) -> None:
        known = self._one(which, *ACCEPTED["posts_retry"])
        before = self.seen.parts_of(known)
        named = _named(naming, before)
        chosen = retried(self.seen.status(known), before, named, acknowledged)
        raw: dict[str, Any] = {"platforms": named} if named else {}
        answer = self.world.call("posts_retry", postId=known.id, acknowledgeDuplicateRisk=acknowledged, **raw)
        assert ("error" not in answer) == (chosen is not None), f"retry of {before}: {answer}"
        for name in chosen or ():
            known.parts[name].allowed += code_of(before[name]) == UNKNOWN
            known.parts[name].asked = True
        self.seen.touched.add(known.id)

    @precondition(lambda self: self.seen.undecided())
    @rule(which=WHICH, is_there=st.booleans())
    def decide(self, which: int, is_there: bool) -> None:
        """An operator says what became of an unknown outcome, and may be wrong."""
        undecided = self.seen.undecided()
        row = undecided[which % len(undecided)]
        known, url = self.seen.known[row["post_id"]], "https://example.com/there" if is_there else None
        self.ground.db.write_here(settling.decide, known.id, row["platform"], url, self.world.now())
        part = known.parts[row["platform"]]
        part.is_operators, part.allowed = is_there, part.allowed + (not is_there)
        self.seen.touched.add(known.id)

    # -- publishers ----------------------------------------------------------------------------------------------

    @rule(seconds=st.sampled_from((1, 5, SILENCE)))
    def tick(self, seconds: int) -> None:
        self.world.run(seconds)
        self.world.bury()

    @rule(where=WHERE)
    def step(self, where: int | str) -> None:
        """Everybody stops between two steps, and users go on."""
        self._run_to(where)

    @precondition(lambda self: self.world.processes)
    @rule(which=WHICH)
    def kill(self, which: int) -> None:
        self.world.kill(self._process(which))

    @rule(platforms=PLATFORMS, place=SETS, which=WHICH, where=WHERE)
    def kill_while_it_publishes(self, platforms: list[str], place: int, which: int, where: int | str) -> None:
        """Killed between two steps, and another one takes over."""
        self.create_and_publish(platforms, place)
        self._run_to(where)
        if self.world.processes:
            self.world.kill(self._process(which))
        self.start()

    @rule()
    def start(self) -> None:
        if len(self.world.processes) < (1 if self.world.one_machine else MOST_PROCESSES):
            self.world.start()

    @precondition(lambda self: self.world.processes)
    @rule(which=WHICH)
    def stop(self, which: int) -> None:
        if self._process(which).stopping is None:
            self.world.stop(self._process(which))

    @precondition(lambda self: self.world.processes and not self.world.one_machine)
    @rule(which=WHICH, paused=st.booleans())
    def pause_or_wake(self, which: int, paused: bool) -> None:
        """A paused process counts as dead after a while; when it wakes up, it still believes in its claims."""
        self.world.pause(self._process(which), paused)

    @precondition(lambda self: self.world.processes and not self.world.one_machine)
    @rule(platforms=PLATFORMS, place=SETS, which=WHICH, where=WHERE)
    def pause_while_it_publishes(self, platforms: list[str], place: int, which: int, where: int | str) -> None:
        """Paused between two steps for so long that another one takes over, and then it goes on."""
        zombie = self._process(which)
        self.create_and_publish(platforms, place)
        self._run_to(where)
        self.world.pause(zombie, True)
        self.start()
        self.world.run(2 * SILENCE)
        self.look()
        self.world.pause(zombie, False)
        self.world.run(2)

    @rule(seconds=st.sampled_from((2, 60, GRACE + 60, 3600, -60, -3600)))
    def set_clock(self, seconds: int) -> None:
        self.world.shift += timedelta(seconds=seconds)

    # -- platforms -----------------------------------------------------------------------------------------------

    @rule(platform=ONE_PLATFORM, fault=FAULTS)
    def fail_next(self, platform: str, fault: tuple[str, str]) -> None:
        place, kind = fault
        self.world.platforms[platform].faults[place].append(kind)

    @rule(platforms=PLATFORMS, place=SETS, fault=FAULTS, seconds=st.sampled_from((0, 1, 5)))
    def publish_in_trouble(self, platforms: list[str], place: int, fault: tuple[str, str], seconds: int) -> None:
        self.fail_next(platforms[0], fault)
        self.create_and_publish(platforms, place)
        self.world.run(seconds)

    @rule(platform=ONE_PLATFORM, shows=st.booleans())
    def show_what_took_effect(self, platform: str, shows: bool) -> None:
        self.world.platforms[platform].shows = shows

    @rule(platform=ONE_PLATFORM)
    def expire_tokens(self, platform: str) -> None:
        self.world.expire_tokens(platform)

    # -- what must hold ------------------------------------------------------------------------------------------

    @invariant()
    def look(self) -> None:
        self.seen.look(self.world)

    def teardown(self) -> None:
        try:
            if hasattr(self, "world"):
                self._bring_to_an_end()
        finally:
            self._capture.__exit__(None, None, None)
            if hasattr(self, "world"):
                self.world.close()

    def _bring_to_an_end(self) -> None:
        """Never lost: when platforms and processes behave again, everything that was due comes to an end."""
        world = self.world
        for platform in world.platforms.values():
            platform.faults.clear()
        for process in list(world.processes):
            world.pause(process, False)
            if process.stopping is not None:
                world.kill(process)
        if not world.processes:
            world.start()
        self.look()
        for patience in range(1, 61):
            if not self.seen.under_way():
                break
            before = self.seen.parts
            world.run(1.5)
            self.look()
            if self.seen.parts == before:
                next_at = world.outlook()[1] or world.now() + timedelta(seconds=SILENCE * patience)
                world.shift += next_at - world.now()
        assert not self.seen.under_way(), f"lost: {self.seen.under_way()}"
        assert not world.open_intents(), "an intent stays open for ever"
        world.run(SILENCE if len(world.processes) > 1 else 1)
        self.look()
        assert {post["status"] for post in self.seen.posts.values()} <= POST_FINAL | {"draft"}

    # -- words ---------------------------------------------------------------------------------------------------

    def _call(self, operation: str, known: Known, **raw: Any) -> bool:
        """Whether the call was accepted, which must be as the reference says."""
        status = self.seen.status(known)
        answer = self.world.call(operation, postId=known.id, **raw)
        expected = None if status in ACCEPTED[operation] else "INVALID_STATUS_TRANSITION"
        assert answer.get("error") == expected, f"{operation} of a post that is {status}: {answer}"
        self.seen.touched.add(known.id)
        return expected is None

    def _one(self, which: int, *statuses: str) -> Known:
        found = [known for known in self.seen.known.values() if not statuses or self.seen.status(known) in statuses]
        return found[-1 - which % len(found)]

    def _process(self, which: int) -> Process:
        return self.world.processes[which % len(self.world.processes)]

    def _run_to(self, where: int | str) -> None:
        if isinstance(where, int):
            self.world.run(2, steps=where)
        else:
            self.world.run(2, stop_at=where)

    def _text(self) -> str:
        self.texts += 1
        return f"post {self.texts}"

    def _ahead(self, seconds: int | None) -> datetime | None:
        return None if seconds is None else self.world.now() + timedelta(seconds=seconds)

    def _hear(self, claim: Claim, now: datetime) -> None:
        self.seen.hear(self.world, claim, now)


def _named(naming: Any, parts: dict[str, Any]) -> list[str]:
    """The platforms that a retry names: those given, or those that are as the word says."""
    if isinstance(naming, list):
        return naming
    failed = [name for name, part in parts.items() if part["status"] == "failed" and naming != "none"]
    return [name for name in failed if naming == "failed" or code_of(parts[name]) == UNKNOWN]
