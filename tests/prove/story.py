"""What users do during a proof: they ask for posts, and ask again with the same idempotency key when a server died on it."""

from __future__ import annotations

import asyncio
import random
from dataclasses import dataclass
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
EDITED = "in other words"
#: What a post is asked for, and how often.
WISHES = {"publish": 5, "schedule": 5, "edit": 2, "cancel": 1}

Post = dict[str, Any]


@dataclass
class Told:
    """A post that a user asked for. `accepted` once the server said so; `wants` is what it was told to do with it, and
    `done` that it has been told; `edited` says whether the edit was taken, None when nobody knows; `settled` once every
    platform was seen at its end."""

    marker: str
    lane: int
    body: dict[str, Any]
    wants: str
    post_id: str | None = None
    accepted: bool = False
    done: bool = False
    edited: bool | None = None
    settled: bool = False

    @property
    def is_past(self) -> bool:
        return datetime.fromisoformat(self.body["scheduledFor"]) <= datetime.now(UTC)

    @property
    def counts(self) -> bool:
        """Whether something has to become of it."""
        return self.accepted and (self.wants != "publish" or self.done)


class Author:
    """Invents posts and insists on them until a server has taken each."""

    def __init__(self, stage: Stage, seed: int) -> None:
        self.stage = stage
        self.random = random.Random(seed)
        self.told: list[Told] = []

    def invent(
        self, wants: str | None = None, *, sort: int | None = None, platforms: tuple[str, ...] | None = None,
        lane: int | None = None, ahead: float | None = None,
    ) -> Told:  # fmt: skip
        """A new post: to be published now, scheduled a moment ahead, scheduled and edited, or scheduled and cancelled."""
        choose = self.random
        media, takers = SORTS[choose.randrange(len(SORTS)) if sort is None else sort]
        wants = wants or choose.choices(list(WISHES), list(WISHES.values()))[0]
        lane = choose.randrange(len(self.stage.keys)) if lane is None else lane
        seconds = choose.uniform(0.3, 1.5) if ahead is None else ahead
        marker = f"proof {choose.getrandbits(64):016x}"
        body: dict[str, Any] = {
            "content": {"text": f"{marker} in words", "media": self._media(media)},
            "platforms": [platform for platform in platforms or takers if platform in PLATFORMS],
            "platformSetId": self.stage.sets[lane],
            "scheduledFor": None if wants == "publish" else _soon(3600 if wants == "cancel" else seconds),
        }
        if media == "video":
            body["content"]["platformOverrides"] = {"tiktok": {"settings": {"privacyLevel": "SELF_ONLY"}}}
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

    async def insist(self, url: str) -> bool:
        """Tells this server everything that it has not yet acknowledged; False when something is still open."""
        try:
            for told in list(self.told):
                await self._tell(url, told)
        except httpx.HTTPError:
            return False  # it died; the next one hears it again
        return all(told.done for told in self.told)

    async def insist_until_heard(self, url: str, seconds: float = 15) -> None:
        """The same, again and again: an earlier try may have left its key in progress for a moment."""
        try:
            async with asyncio.timeout(seconds):
                while not await self.insist(url):
                    await asyncio.sleep(0.05)
        except TimeoutError:
            pass

    async def _tell(self, url: str, told: Told) -> None:
        if not told.accepted:
            answer = await self._ask("POST", f"{url}/api/v1/posts", told, "create", told.body)
            if answer.status_code == 400 and told.wants != "publish" and told.is_past:
                # The server that was asked first died before it accepted this, and its time is over.
                self.told.remove(told)
            if answer.status_code != 201:
                return
            told.post_id, told.accepted = answer.json()["post"]["id"], True
        if not told.done:
            await self._then(f"{url}/api/v1/posts/{told.post_id}", told)

    async def _then(self, post: str, told: Told) -> None:
        if told.wants == "publish":
            answer = await self._ask("POST", f"{post}/publish", told, "publish", None)
            # A conflict of states means that an earlier call was heard before its server died.
            told.done = answer.status_code in (200, 502) or _is_conflict(answer)
        elif told.wants == "cancel":
            answer = await self._ask("POST", f"{post}/cancel", told, "cancel", None)
            told.done = answer.status_code == 200 or _is_conflict(answer)
        elif told.wants == "edit":
            told.edited = None
            body = {"content": {"text": f"{told.marker} {EDITED}"}, "scheduledFor": _soon(2)}
            answer = await self._ask("PATCH", post, told, f"edit {body['scheduledFor']}", body)
            told.done = answer.status_code == 200 or _is_conflict(answer)
            told.edited = True if answer.status_code == 200 else None
        else:
            told.done = True

    async def _ask(self, method: str, url: str, told: Told, step: str, body: Any) -> httpx.Response:
        headers = {"Authorization": f"Bearer {self.stage.keys[told.lane]}", "Idempotency-Key": f"{told.marker} {step}"}
        return await self.stage.http.request(method, url, headers=headers, json=body)

    async def is_settled(self, url: str) -> bool:
        """Whether no accepted post is under way any more. Those that were seen settled are not asked for again."""
        for told in self.told:
            if told.counts and not told.settled:
                try:
                    post = await self._post(url, told)
                except httpx.HTTPError:
                    return False
                told.settled = post is None or all(its["status"] in TERMINAL for its in post["platformPosts"])
                if not told.settled:
                    return False
        return True

    async def posts(self, url: str) -> list[tuple[Told, Post | None]]:
        """What this server says of each post that was accepted; None where it has none."""
        return [(told, await self._post(url, told)) for told in self.told if told.counts]

    async def _post(self, url: str, told: Told) -> Post | None:
        headers = {"Authorization": f"Bearer {self.stage.keys[told.lane]}"}
        while True:
            answer = await self.stage.http.get(f"{url}/api/v1/posts/{told.post_id}", headers=headers)
            if answer.status_code != 429:
                break
            await asyncio.sleep(float(answer.headers["Retry-After"]))
        if answer.status_code != 404:
            answer.raise_for_status()
        post: Post | None = answer.json().get("post")
        return post


def _soon(seconds: float) -> str:
    return (datetime.now(UTC) + timedelta(seconds=seconds)).isoformat()


def _is_conflict(answer: httpx.Response) -> bool:
    return answer.status_code == 409 and answer.json()["error"]["code"] == "INVALID_STATUS_TRANSITION"
