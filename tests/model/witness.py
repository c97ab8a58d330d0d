"""Looks at everything after every event, and complains of what must not be."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from storage.queue import Claim
from tests.model import reference
from tests.model.platforms import Effect
from tests.model.reference import POST_FINAL, UNKNOWN, Known, code_of
from tests.model.world import World

Row = dict[str, Any]


@dataclass
class Witness:
    """`known` is what the authors know, `posts` and `parts` (platform posts) what was stored at the last look. `touched`
    are the posts that somebody called for since then, `log` is what the processes logged."""

    log: list[Any]
    known: dict[str, Known] = field(default_factory=dict)
    posts: dict[str, Row] = field(default_factory=dict)
    parts: dict[str, Row] = field(default_factory=dict)
    touched: set[str] = field(default_factory=set)
    complaints: list[str] = field(default_factory=list)

    def look(self, world: World) -> None:
        """Raises AssertionError with all complaints."""
        self._read_log(world)
        posts, parts = world.rows()
        self.complaints += reference.wrong_lanes(parts)
        for known in self.known.values():
            its = [part for part in parts if part["post_id"] == known.id]
            self.complaints += reference.wrong_parts(known, posts[known.id], its, _shown(world, known))
            if known.id in self.posts and known.id not in self.touched:
                self._compare(posts[known.id], its)
        assert not self.complaints, self.complaints
        self.posts, self.parts, self.touched = posts, {part["id"]: part for part in parts}, set()

    def hear(self, world: World, claim: Claim, now: datetime) -> None:
        """Judges a claim at the moment of its commit."""
        parts = world.rows()[1]
        mine = next(part for part in parts if part["id"] == claim.platform_post_id)
        place = (claim.due_at, mine["post_seq"], mine["position"])
        lane = [part for part in parts if part["account_id"] == claim.account_id and part["owner"] is None and part["next_at"]]
        earlier = [part for part in lane if (part["next_at"], part["post_seq"], part["position"]) < place]
        self.complaints += reference.wrong_claim(self.known[claim.post_id], claim, now, earlier)

    def status(self, known: Known) -> str:
        return str(self.posts[known.id]["status"])

    def parts_of(self, known: Known) -> dict[str, Row]:
        return {part["platform"]: part for part in self.parts.values() if part["post_id"] == known.id}

    def undecided(self) -> list[Row]:
        """Platform posts of which nobody knows what became of them."""
        return [part for part in self.parts.values() if part["status"] == "failed" and code_of(part) == UNKNOWN]

    def under_way(self) -> list[Row]:
        return [post for post in self.posts.values() if post["status"] not in POST_FINAL | {"draft"}]

    def _compare(self, post: Row, parts: Sequence[Row]) -> None:
        self.complaints += reference.wrong_change(self.posts[post["id"]], post)
        for part in parts:
            self.complaints += reference.wrong_part_change(self.parts[part["id"]], part)

    def _read_log(self, world: World) -> None:
        wrong = [line for line in self.log if line["log_level"] in ("error", "critical")]
        ours = [line for line in wrong if line["event"] == "publish.fault"]
        if len(ours) < len(wrong) or len(ours) > sum(platform.faults_of_ours for platform in world.platforms.values()):
            self.complaints += [f"logged {line}" for line in wrong]


def _shown(world: World, known: Known) -> list[Effect]:
    return [effect for platform in world.platforms.values() for effect in platform.ledger if effect.text in known.texts]
