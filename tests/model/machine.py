"""What may happen, in any order: what users call, what publishers and platforms do, how processes and clocks fail."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from structlog.testing import capture_logs

from ampost_mcp.errors import AppError
from ampost_mcp.services import settling
from storage.queue import Claim
from tests.model import reference
from tests.model.platforms import PLACES
from tests.model.reference import ACCEPTED, PARTS_FINAL, POST_FINAL, UNKNOWN, Known, Part, code_of, retried
from tests.model.world import GRACE, LANES, Ground, Process, World

PLATFORMS = st.lists(st.sampled_from(tuple(LANES)), min_size=1, max_size=3, unique=True)
SETS = st.integers(0, 1)
#: Which of the posts or processes that there are; the newest first.
WHICH = st.integers(0, 6)
AHEAD = st.sampled_from((1, 20, 120, GRACE + 300))
FAULTS = st.sampled_from(tuple((place, kind) for place, kinds in PLACES.items() for kind in kinds))
#: More than the time after which a silent process counts as dead.
SILENCE = 20
MOST_PROCESSES = 3


class Publishing(RuleBasedStateMachine):
    """Users, publishers, platforms and trouble. `run_state_machine_as_test` gets it with a `Ground`."""

    def __init__(self, ground: Ground) -> None:
        super().__init__()
        self.ground = ground
        self.known: dict[str, Known] = {}
        self.texts = 0
        self.complaints: list[str] = []
        self.touched: set[str] = set()
        self.posts: dict[str, Any] = {}
        self.parts: dict[str, Any] = {}
        self._capture = capture_logs()
        self.log = self._capture.__enter__()

    @initialize(one_machine=st.booleans())
    def begin(self, one_machine: bool) -> None:
        self.world = World(self.ground, one_machine, self._on_claim, self.log)
        self.world.start()

    # -- users ---------------------------------------------------------------------------------------------------

    @rule(platforms=PLATFORMS, place=SETS, ahead=st.none() | AHEAD, twice=st.booleans())
    def create(self, platforms: list[str], place: int, ahead: int | None, twice: bool) -> None:
        self.texts += 1
        text, at = f"post {self.texts}", self._ahead(ahead)
        raw = {"content": {"text": text}, "platforms": platforms, "platformSetId": self.ground.sets[place]}
        raw |= {"scheduledFor": at.isoformat()} if at else {}
        post = self.world.call("posts_create", f"key {self.texts}" if twice else None, **raw)
        if twice:
            assert self.world.call("posts_create", f"key {self.texts}", **raw) == post
        self.known[post["id"]] = Known(post["id"], text, at, {name: Part() for name in platforms})

    @precondition(lambda self: self.known)
    @rule(which=WHICH)
    def publish(self, which: int) -> None:
        known = self._one(which)
        if self._call("posts_publish", known):
            for part in known.parts.values():
                part.asked = True

    @rule(platforms=PLATFORMS, place=SETS)
    def create_and_publish(self, platforms: list[str], place: int) -> None:
        self.create(platforms, place, None, False)
        self.holds()
        self.publish(0)

    @precondition(lambda self: self.known)
    @rule(which=WHICH)
    def edit_text(self, which: int) -> None:
        known = self._one(which)
        self.texts += 1
        if self._call("posts_update", known, content={"text": f"post {self.texts}"}):
            known.text = f"post {self.texts}"

    @precondition(lambda self: self.known)
    @rule(which=WHICH, platforms=PLATFORMS, place=SETS)
    def edit_platforms(self, which: int, platforms: list[str], place: int) -> None:
        known = self._one(which)
        if self._call("posts_update", known, platforms=platforms, platformSetId=self.ground.sets[place]):
            known.parts = {name: Part() for name in platforms}

    @precondition(lambda self: self.known)
    @rule(which=WHICH, ahead=st.none() | AHEAD)
    def reschedule(self, which: int, ahead: int | None) -> None:
        known, at = self._one(which), self._ahead(ahead)
        if self._call("posts_update", known, scheduledFor=at.isoformat() if at else None):
            known.scheduled_for = at

    @precondition(lambda self: self.known)
    @rule(which=WHICH)
    def cancel(self, which: int) -> None:
        self._call("posts_delete", self._one(which))

    @precondition(lambda self: any(post["status"] in ACCEPTED["posts_retry"] for post in self.posts.values()))
    @rule(which=WHICH, named=st.just([]) | PLATFORMS, acknowledged=st.booleans())
    def retry(self, which: int, named: list[str], acknowledged: bool) -> None:
        known = self._one(which, *ACCEPTED["posts_retry"])
        before = self._parts_of(known)
        chosen = retried(self.posts[known.id]["status"], before, named, acknowledged)
        raw: dict[str, Any] = {"platforms": named} if named else {}
        answer = self.world.call("posts_retry", postId=known.id, acknowledgeDuplicateRisk=acknowledged, **raw)
        assert ("error" not in answer) == (chosen is not None), f"retry of {before}: {answer}"
        for name in chosen or ():
            known.parts[name].allowed += code_of(before[name]) == UNKNOWN
            known.parts[name].asked = True
        self.touched.add(known.id)

    @precondition(lambda self: self._undecided())
    @rule(which=WHICH, is_there=st.booleans())
    def decide(self, which: int, is_there: bool) -> None:
        """An operator says what became of an unknown outcome, and may be wrong."""
        undecided = self._undecided()
        row = undecided[which % len(undecided)]
        known, url = self.known[row["post_id"]], "https://example.com/there" if is_there else None
        try:
            self.ground.db.write_here(settling.decide, known.id, row["platform"], url, self.world.now())
        except AppError as error:
            raise AssertionError(f"an operator's word was refused: {error}") from error
        part = known.parts[row["platform"]]
        part.is_operators, part.allowed = is_there, part.allowed + (not is_there)
        self.touched.add(known.id)

    # -- publishers ----------------------------------------------------------------------------------------------

    @rule(seconds=st.sampled_from((1, 5, SILENCE)))
    def tick(self, seconds: int) -> None:
        self.world.run(seconds)
        self.world.bury()

    @rule(steps=st.integers(1, 30))
    def step(self, steps: int) -> None:
        """Everybody stops between two steps, and users go on."""
        self.world.run(1, steps)

    @precondition(lambda self: self.world.processes)
    @rule(which=WHICH)
    def kill(self, which: int) -> None:
        self.world.kill(self._process(which))

    @precondition(lambda self: self.world.processes)
    @rule(which=WHICH, steps=st.integers(1, 30))
    def kill_within(self, which: int, steps: int) -> None:
        """Killed between two steps, and another one takes over."""
        self.world.run(1, steps)
        self.world.kill(self._process(which))
        self.world.start()

    @precondition(lambda self: len(self.world.processes) < (1 if self.world.one_machine else MOST_PROCESSES))
    @rule()
    def start(self) -> None:
        self.world.start()

    @precondition(lambda self: self.world.processes)
    @rule(which=WHICH)
    def stop(self, which: int) -> None:
        process = self._process(which)
        if process.stopping is None:
            self.world.stop(process)

    @precondition(lambda self: self.world.processes and not self.world.one_machine)
    @rule(which=WHICH, paused=st.booleans())
    def pause_or_wake(self, which: int, paused: bool) -> None:
        """A paused process counts as dead after a while; when it wakes up, it still believes in its claims."""
        self.world.pause(self._process(which), paused)

    @precondition(lambda self: self.world.processes and not self.world.one_machine)
    @rule(which=WHICH, steps=st.integers(1, 30))
    def become_a_zombie(self, which: int, steps: int) -> None:
        """Paused between two steps for so long that another one takes over, and then it goes on."""
        zombie = self._process(which)
        self.world.run(1, steps)
        self.world.pause(zombie, True)
        if len(self.world.processes) < MOST_PROCESSES:
            self.world.start()
        self.world.run(2 * SILENCE)
        self.world.pause(zombie, False)

    @rule(seconds=st.sampled_from((2, 60, GRACE + 60, 3600, -60, -3600)))
    def set_clock(self, seconds: int) -> None:
        self.world.shift += timedelta(seconds=seconds)

    # -- platforms -----------------------------------------------------------------------------------------------

    @rule(platform=st.sampled_from(tuple(LANES)), fault=FAULTS)
    def fail_next(self, platform: str, fault: tuple[str, str]) -> None:
        place, kind = fault
        self.world.platforms[platform].faults[place].append(kind)

    @rule(platform=st.sampled_from(tuple(LANES)))
    def expire_tokens(self, platform: str) -> None:
        self.world.expire_tokens(platform)

    @rule(platform=st.sampled_from(tuple(LANES)), shows=st.booleans())
    def show_what_took_effect(self, platform: str, shows: bool) -> None:
        self.world.platforms[platform].shows = shows

    # -- what must hold ------------------------------------------------------------------------------------------

    @invariant()
    def holds(self) -> None:
        assert not self.complaints, self.complaints
        self._check_log()
        before, before_parts = self.posts, self.parts
        self.posts, parts = self.world.rows()
        self.parts = {part["id"]: part for part in parts}
        complaints = list(reference.wrong_lanes(parts))
        for known in self.known.values():
            post, its = self.posts[known.id], [part for part in parts if part["post_id"] == known.id]
            complaints += reference.wrong_parts(known, post, its, self._effects(its))
            if known.id in before and known.id not in self.touched:
                complaints += reference.wrong_change(before[known.id], post)
                for part in its:
                    complaints += reference.wrong_part_change(before_parts[part["id"]], part)
        assert not complaints, complaints
        self.touched = set()

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
        for process in world.processes:
            world.pause(process, False)
        if not any(process.stopping is None for process in world.processes):
            for process in list(world.processes):
                world.kill(process)
            world.start()
        for patience in range(1, 61):
            if not self._under_way():
                break
            world.run(1.5)
            self.holds()
            due, next_at = world.outlook()
            if not due:
                silence = world.now() + timedelta(seconds=SILENCE * patience)
                world.shift += max(timedelta(), (next_at or silence) - world.now())
        assert not self._under_way(), f"still under way: {self._under_way()}"
        assert not world.open_intents()
        world.run(SILENCE if len(world.processes) > 1 else 1)
        self.holds()
        assert {post["status"] for post in self.posts.values()} <= POST_FINAL | {"draft"}

    # -- words ---------------------------------------------------------------------------------------------------

    def _under_way(self) -> list[Any]:
        return [post for post in self.world.rows()[0].values() if post["status"] not in POST_FINAL | {"draft"}]

    def _effects(self, parts: list[Any]) -> list[Any]:
        accounts = {part["account_id"] for part in parts}
        text = self.known[parts[0]["post_id"]].text
        shown = [effect for platform in self.world.platforms.values() for effect in platform.ledger]
        return [effect for effect in shown if effect.text == text or (effect.account_id, effect.id) in accounts]

    def _on_claim(self, claim: Claim, now: datetime) -> None:
        _, parts = self.world.rows()
        mine = next(part for part in parts if part["id"] == claim.platform_post_id)
        place = (claim.due_at, mine["post_seq"], mine["position"])
        lane = [part for part in parts if part["account_id"] == claim.account_id and part["owner"] is None and part["next_at"]]
        earlier = [part for part in lane if (part["next_at"], part["post_seq"], part["position"]) < place]
        self.complaints += reference.wrong_claim(self.known[claim.post_id], claim, now, earlier)

    def _check_log(self) -> None:
        wrong = [line for line in self.log if line["log_level"] in ("error", "critical")]
        ours = [line for line in wrong if line["event"] == "publish.fault"]
        assert len(ours) == len(wrong), wrong
        assert len(ours) <= sum(platform.faults_of_ours for platform in self.world.platforms.values()), wrong

    def _call(self, operation: str, known: Known, **raw: Any) -> bool:
        """Whether the call was accepted, which must be as the reference says."""
        status = self.posts[known.id]["status"]
        answer = self.world.call(operation, postId=known.id, **raw)
        expected = None if status in ACCEPTED[operation] else "INVALID_STATUS_TRANSITION"
        assert answer.get("error") == expected, f"{operation} of a post that is {status}: {answer}"
        self.touched.add(known.id)
        return expected is None

    def _one(self, which: int, *statuses: str) -> Known:
        found = [known for known in self.known.values() if not statuses or self.posts[known.id]["status"] in statuses]
        return found[-1 - which % len(found)]

    def _process(self, which: int) -> Process:
        return self.world.processes[which % len(self.world.processes)]

    def _parts_of(self, known: Known) -> dict[str, Any]:
        return {part["platform"]: part for part in self.parts.values() if part["post_id"] == known.id}

    def _undecided(self) -> list[Any]:
        found = [part for part in self.parts.values() if part["status"] == "failed" and code_of(part) == UNKNOWN]
        return [part for part in found if part["status"] in PARTS_FINAL]

    def _ahead(self, seconds: int | None) -> datetime | None:
        return None if seconds is None else self.world.now() + timedelta(seconds=seconds)
