"""What users do during a proof, and what must be true of it afterwards."""

from __future__ import annotations

import random
from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx

from tests.prove.stage import PLATFORMS, Stage

#: Sorts of posts: the media, and the platforms that take them.
SORTS: tuple[tuple[str | None, tuple[str, ...]], ...] = (
    (None, ("threads", "twitter", "facebook", "linkedin")),
    ("image", ("instagram", "threads", "twitter", "facebook", "linkedin")),
    ("video", ("tiktok", "youtube", "instagram", "threads")),
)
TERMINAL = ("published", "failed", "cancelled")


@dataclass
class Told:
    """A post that a user asked for. `accepted` once the server said so; `wants` is what it was told to do with it."""

    marker: str
    lane: int
    body: dict[str, Any]
    wants: str
    post_id: str | None = None
    accepted: bool = False
    started: bool = False
    cancelled: bool = False

    @property
    def platforms(self) -> list[str]:
        return list(self.body["platforms"])


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
    def holds(self) -> bool:
        return not (self.duplicates or self.lost or self.stuck or sum(self.wrong.values()))

    def note(self, what: str, told: Told, platform: str, shown: Any) -> None:
        self.examples.append(f"{what}: {told.marker} on {platform}: {shown}")


class Author:
    """Asks for posts, and asks again with the same idempotency key when the server died on it."""

    def __init__(self, stage: Stage, seed: int) -> None:
        self.stage = stage
        self.random = random.Random(seed)
        self.told: list[Told] = []

    def invent(self, *, sort: int | None = None, wants: str | None = None, ahead: float | None = None) -> Told:
        """A new post: published now, scheduled a moment ahead, or scheduled and cancelled."""
        choose = self.random
        media, platforms = SORTS[choose.randrange(len(SORTS)) if sort is None else sort]
        wants = wants or choose.choices(["publish", "schedule", "cancel"], [5, 5, 1])[0]
        marker = f"proof {choose.getrandbits(64):016x}"
        body: dict[str, Any] = {
            "content": {"text": f"{marker} in words", "media": self._media(media)},
            "platforms": [platform for platform in platforms if platform in PLATFORMS],
            "platformSetId": None, "scheduledFor": None,
        }  # fmt: skip
        if media == "video":
            body["content"]["platformOverrides"] = {"tiktok": {"settings": {"privacyLevel": "SELF_ONLY"}}}
        if wants != "publish":
            seconds = choose.uniform(0.3, 1.5) if ahead is None else ahead
            seconds = 3600 if wants == "cancel" else seconds
            body["scheduledFor"] = (datetime.now(UTC) + timedelta(seconds=seconds)).isoformat()
        lane = choose.randrange(len(self.stage.keys))
        body["platformSetId"] = self.stage.sets[lane]
        told = Told(marker, lane, body, wants)
        self.told.append(told)
        return told

    def _media(self, kind: str | None) -> list[dict[str, Any]]:
        if kind is None:
            return []
        name, mime = ("a.jpg", "image/jpeg") if kind == "image" else ("a.mp4", "video/mp4")
        item = {"type": kind, "url": f"{self.stage.media}/{name}", "mimeType": mime, "sizeBytes": 32800}
        sizes = {"width": 640, "height": 640} if kind == "image" else {"width": 720, "height": 1280, "durationSeconds": 8}
        return [{**item, **sizes}]

    async def insist(self, url: str) -> None:
        """Tells this server everything that it has not yet acknowledged."""
        for told in list(self.told):
            try:
                await self._tell(url, told)
            except httpx.HTTPError:
                return  # it died; the next one hears it again

    async def _tell(self, url: str, told: Told) -> None:
        if not told.accepted:
            answer = await self._ask("POST", f"{url}/api/v1/posts", told, "create", told.body)
            if answer.status_code == 400 and told.wants == "schedule" and _past(told):
                # The server that was asked first died before it accepted this, and its time is over.
                self.told.remove(told)
            if answer.status_code != 201:
                return
            told.post_id, told.accepted = answer.json()["post"]["id"], True
        if told.wants == "publish" and not told.started:
            answer = await self._ask("POST", f"{url}/api/v1/posts/{told.post_id}/publish", told, "publish", None)
            # A conflict means that an earlier call was heard before its server died.
            told.started = answer.status_code in (200, 409, 502)
        if told.wants == "cancel" and not told.cancelled:
            answer = await self._ask("POST", f"{url}/api/v1/posts/{told.post_id}/cancel", told, "cancel", None)
            told.cancelled = answer.status_code in (200, 409)

    async def _ask(self, method: str, url: str, told: Told, step: str, body: Any) -> httpx.Response:
        headers = {"Authorization": f"Bearer {self.stage.keys[told.lane]}", "Idempotency-Key": f"{told.marker} {step}"}
        return await self.stage.http.request(method, url, headers=headers, json=body)

    # -- afterwards ----------------------------------------------------------------------------------------------

    async def unsettled(self, url: str) -> int:
        """How many accepted posts are still under way."""
        return sum(any(pp["status"] not in TERMINAL for pp in post["platformPosts"]) for _, post in await self._posts(url))

    async def verdict(self, url: str) -> Verdict:
        ledger = Counter[tuple[str, str]]()
        earliest: dict[tuple[str, str], float] = {}
        for row in await self.stage.published():
            text = row["text"] or str(row["extra"])
            marker = text[text.find("proof ") :][: len("proof ") + 16]
            ledger[row["platform"], marker] += 1
            earliest.setdefault((row["platform"], marker), row["at"])
        found = Verdict()
        for told, post in await self._posts(url):
            for platform_post in post["platformPosts"]:
                key = (platform_post["platform"], told.marker)
                _judge(found, told, post, platform_post, ledger[key], earliest.get(key))
        return found

    async def _posts(self, url: str) -> list[tuple[Told, dict[str, Any]]]:
        found = []
        for told in self.told:
            if told.accepted and (told.wants != "publish" or told.started):
                headers = {"Authorization": f"Bearer {self.stage.keys[told.lane]}"}
                answer = await self.stage.http.get(f"{url}/api/v1/posts/{told.post_id}", headers=headers)
                found.append((told, answer.json()["post"]))
        return found


def _past(told: Told) -> bool:
    return datetime.fromisoformat(told.body["scheduledFor"]) <= datetime.now(UTC)


def _judge(found: Verdict, told: Told, post: dict[str, Any], its: dict[str, Any], times: int, at: float | None) -> None:
    platform, status, code = its["platform"], its["status"], (its["error"] or {}).get("code")
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
    if post["scheduledFor"] and at is not None and at < datetime.fromisoformat(post["scheduledFor"]).timestamp() - 0.001:
        found.wrong["early"] += 1
        found.note("early", told, platform, at)
