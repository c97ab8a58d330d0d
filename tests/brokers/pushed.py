"""A bench for platforms that take the bytes themselves: media on this disk, a broker, a simulator."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from brokers.base import Account, Attempt, Broker, Draft, Media, Receipt, Sighting
from brokers.platform_http import new_client
from brokers.sandbox.ledger import Published
from brokers.sandbox.world import Fault
from tests.brokers.conftest import FileSource, MemorySteps, Simulator, account_on, api_for

#: The first bytes of real files are enough for the simulator, which looks at no more than those.
HEADS = {
    "image/jpeg": b"\xff\xd8\xff\xe0",
    "image/png": b"\x89PNG\r\n\x1a\n",
    "image/gif": b"GIF89a",
    "video/mp4": b"\x00\x00\x00\x18ftypmp42",
    "text/plain": b"not a film at all",
}


class Files:
    """Makes media files below a folder, and says how a ledger tells of them."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.made = folder, 0

    def media(self, mime_type: str, size: int = 200, *, content: str | None = None, **more: Any) -> Media:
        """An item that declares `mime_type` and, unless `content` says otherwise, is one."""
        self.made += 1
        path = self.folder / str(self.made)
        head = HEADS[content or mime_type]
        path.write_bytes((head + bytes([self.made]) * size)[: max(size, len(head))])
        kind: Any = "gif" if mime_type == "image/gif" else mime_type.partition("/")[0]
        return Media(kind, f"https://media.invalid/{self.made}", source=FileSource(path, mime_type, ""), **more)

    @staticmethod
    def seen(item: Media) -> dict[str, Any]:
        source = item.source
        assert isinstance(source, FileSource)
        data = source.path.read_bytes()
        return {"sha256": hashlib.sha256(data).hexdigest(), "size": len(data), "altText": item.alt_text}


class Bench:
    """A broker with an account on a simulator, and the steps of one platform post."""

    def __init__(self, broker: Broker, simulator: Simulator, client: Any, files: Files, **account: Any) -> None:
        self.broker, self.simulator, self.world, self.files = broker, simulator, simulator.world, files
        self.api = api_for(broker, simulator, client, links_to_root=True)
        self.account: Account = account_on(simulator, broker.key, **account)
        self.steps = MemorySteps(self.api)
        self.began = datetime.now(UTC)

    async def publish(self, draft: Draft) -> Receipt:
        return await self.broker.publish(self.api, self.account, draft, self.steps)

    async def find(self, draft: Draft, **changes: Any) -> Sighting:
        assert self.broker.find is not None
        attempt = Attempt(**{"journal": self.steps.journal, "started_at": self.began, **changes})
        return await self.broker.find(self.api, self.account, draft, attempt)

    def hurry(self) -> None:
        """Gives an answer a short time only."""
        self.api = self.steps.api = replace(self.api, timeout=0.3)

    def start_over(self) -> None:
        """What a new platform post begins with."""
        self.steps = MemorySteps(self.api)

    def arm(self, step: str, fault: str, **more: Any) -> None:
        self.world.faults.append(Fault(self.broker.key, step, fault, **more))

    @property
    def posts(self) -> list[Published]:
        return self.world.ledger.posts

    @property
    def seen(self) -> list[dict[str, Any]]:
        """The media of the only post, as `Files.seen` tells of them."""
        (post,) = self.posts
        return [{name: item[name] for name in ("sha256", "size", "altText")} for item in post.media]


async def page_of(url: str | None) -> Any:
    assert url
    async with new_client() as http:
        return await http.get(url)
