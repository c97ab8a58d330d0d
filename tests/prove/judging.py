"""What must be true after a proof: each post is held against the simulator's ledger."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from tests.prove.stage import Stage
from tests.prove.story import EDITED, TERMINAL, Author, Post, Told


@dataclass
class Verdict:
    """Counts over platform posts. `duplicates`, `lost` and `stuck` must be zero, and so must what is in `wrong`."""

    platform_posts: int = 0
    published: int = 0
    failed: int = 0
    unknown: int = 0
    duplicates: int = 0
    lost: int = 0
    stuck: int = 0
    wrong: Counter[str] = field(default_factory=Counter)
    on: Counter[str] = field(default_factory=Counter)
    examples: list[str] = field(default_factory=list)

    @property
    def faults(self) -> Counter[str]:
        """What should not be, by name; empty when all is well."""
        return +Counter({"duplicates": self.duplicates, "lost": self.lost, "stuck": self.stuck, **self.wrong})

    @property
    def holds(self) -> bool:
        return not self.faults

    def note(self, what: str, told: Told, platform: str, shown: Any) -> None:
        self.examples.append(f"{what}: {told.marker} on {platform}: {shown}")


@dataclass(frozen=True)
class Ledger:
    """What became public: texts by platform and marker, and when the first of them did."""

    texts: dict[tuple[str, str], list[str]]
    earliest: dict[tuple[str, str], float]

    @classmethod
    async def of(cls, stage: Stage) -> Ledger:
        ledger = cls({}, {})
        for row in await stage.published():
            text = row["text"] or str(row["extra"])
            at = text.find("proof ")
            key = (row["platform"], text[at:][: len("proof ") + 16])
            ledger.texts.setdefault(key, []).append(text[at:])
            ledger.earliest.setdefault(key, row["at"])
        return ledger


async def judge(stage: Stage, author: Author, url: str, *, strict: bool = False) -> Verdict:
    """The verdict on all that this author was promised. `strict`: no answer of a platform was lost, so nothing may have
    failed or be unknown."""
    ledger, found = await Ledger.of(stage), Verdict()
    for told, post in await author.posts(url):
        if post is None:
            found.lost += len(told.body["platforms"])
            found.note("vanished", told, "all", told.post_id)
            continue
        for its in post["platformPosts"]:
            _count(found, told, its, ledger)
            _check_rules(found, told, post, its, ledger, strict)
    return found


def _count(found: Verdict, told: Told, its: dict[str, Any], ledger: Ledger) -> None:
    platform, status, code = its["platform"], its["status"], (its["error"] or {}).get("code")
    times = len(ledger.texts.get((platform, told.marker), ()))
    found.platform_posts += 1
    if times > 1:
        found.duplicates += 1
        found.note("duplicate", told, platform, f"{times} times")
    if status not in TERMINAL:
        found.stuck += 1
        found.note("stuck", told, platform, its)
    elif status == "published":
        found.published += 1
        found.on[platform] += 1
        if times == 0:
            found.lost += 1
            found.note("lost", told, platform, its)
    elif code == "PUBLISH_OUTCOME_UNKNOWN":
        found.unknown += 1
    elif times:
        found.wrong[f"public although {status}"] += 1
        found.note("wrong", told, platform, its)
    else:
        found.failed += status == "failed"


def _check_rules(found: Verdict, told: Told, post: Post, its: dict[str, Any], ledger: Ledger, strict: bool) -> None:
    platform, key = its["platform"], (its["platform"], told.marker)
    at, texts = ledger.earliest.get(key), ledger.texts.get(key, [])
    broken = {
        "early": bool(post["scheduledFor"]) and at is not None
        and at < datetime.fromisoformat(post["scheduledFor"]).timestamp() - 0.001,
        "published as it was before the edit": told.edited is True and any(EDITED not in text for text in texts),
        "failed without a reason": its["status"] == "failed" and not its["error"],
        "unknown for no reason": strict and (its["error"] or {}).get("code") == "PUBLISH_OUTCOME_UNKNOWN",
        "failed for no reason": strict and its["status"] == "failed" and told.wants != "cancel",
    }  # fmt: skip
    for name, is_broken in broken.items():
        if is_broken:
            found.wrong[name] += 1
            found.note(name, told, platform, its)
