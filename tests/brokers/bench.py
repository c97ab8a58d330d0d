"""The smallest engine that can run a broker's `publish`, on a simulator on a real port."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import anyio
import httpx
import pytest

from brokers.base import Account, Attempt, Broker, Draft, LocalFile, Receipt, Sighting
from brokers.errors import PlatformError, Unclear
from brokers.platform_http import PlatformHttp, new_client
from brokers.sandbox.app import build
from brokers.sandbox.ledger import Published
from brokers.sandbox.world import Fault, World
from tests.serving import serving


@dataclass
class Simulator:
    """`root` is what `AMPOST_PLATFORMS_URL` would be; `world` its state, to look into and to arm faults."""

    root: str
    world: World


def api_for(broker: Broker, simulator: Simulator, client: Any, **changes: Any) -> PlatformHttp:
    settings: dict[str, Any] = {"root": simulator.root, "timeout": 5, "poll": 0.01, **changes}
    return PlatformHttp(client, broker.read_error, broker.hosts, **settings)


def account_on(simulator: Simulator, platform: str, number: int = 0, **changes: Any) -> Account:
    who = simulator.world.identity(platform, number)
    values: dict[str, Any] = {
        "id": f"account-{number}", "platform_account_id": who.id, "username": who.username,
        "access_token": simulator.world.standing_token(platform, number), **changes,
    }  # fmt: skip
    return Account(**values)


@dataclass
class MemorySteps:
    """The verbs of publishing without a database. `sent` counts irreversible requests; `journal` survives into the next
    run, as after a crash."""

    api: PlatformHttp
    journal: dict[str, Any] = field(default_factory=dict)
    sent: int = 0

    async def upload(self, name: str, do: Any) -> Any:
        if name not in self.journal:
            self.journal[name] = await do()
        return self.journal[name]

    async def wait(self, name: str, ask: Any, *, every: float, limit: float) -> Any:
        if name in self.journal:
            return self.journal[name]
        with anyio.move_on_after(min(limit, 10)):
            while (answer := await ask()) is None:
                await anyio.sleep(min(every, 0.01))
            self.journal[name] = answer
            return answer
        raise PlatformError(f"{name} did not finish in time", kind="transient")

    async def publish(self, name: str, do: Any) -> Any:
        if name not in self.journal:
            self.sent += 1
            self.journal[name] = await do(self.api.on_fresh_connection())
        return self.journal[name]


@dataclass
class FileSource:
    """Media that lies on this disk; `at` is the URL it is served under."""

    path: Path
    mime_type: str
    at: str

    async def file(self) -> LocalFile:
        data = self.path.read_bytes()
        return LocalFile(self.path, len(data), self.mime_type, hashlib.sha256(data).hexdigest())

    async def url(self) -> str:
        return self.at


#: Faults after which nothing is heard any more.
SILENT = ("hang", "lose_answer")


class Bench:
    """A broker with an account on a simulator, and the steps of one platform post."""

    def __init__(self, broker: Broker, simulator: Simulator, client: Any, files: Any = None, **account: Any) -> None:
        self.broker, self.simulator, self.world, self.files = broker, simulator, simulator.world, files
        self.api: PlatformHttp = api_for(broker, simulator, client, links_to_root=True)
        self.account: Account = account_on(simulator, broker.key, **account)
        self.steps = MemorySteps(self.api)
        self.began = datetime.now(UTC)

    async def publish(self, draft: Draft) -> Receipt:
        return await self.broker.publish(self.api, self.account, draft, self.steps)

    async def refused(self, draft: Draft) -> PlatformError:
        """The refusal of a draft, of which nothing became public."""
        before = len(self.posts)
        with pytest.raises(PlatformError) as caught:
            await self.publish(draft)
        assert len(self.posts) == before
        return caught.value

    async def answered(self, example: tuple[int, dict[str, str], Any], draft: Draft, step: str = "publish") -> PlatformError:
        """What an answer (status, headers, body) of the platform to this step is understood as."""
        status, headers, body = example
        self.world.arm_reply(self.broker.key, step, status, body, headers)
        return await self.refused(draft)

    async def lost(self, draft: Draft, fault: str) -> None:
        """Publishes, and the answer of the irreversible request never comes."""
        self.arm("publish", fault)
        if fault in SILENT:
            self.steps.api = replace(self.api, timeout=1)
        with pytest.raises(Unclear):
            await self.publish(draft)

    async def find(self, draft: Draft, **changes: Any) -> Sighting:
        assert self.broker.find is not None
        attempt = Attempt(**{"journal": self.steps.journal, "started_at": self.began, **changes})
        return await self.broker.find(self.api, self.account, draft, attempt)

    async def found(self, draft: Draft) -> Receipt:
        """The receipt of the newest post, which a look-up of the draft finds and whose link opens."""
        sighting = await self.find(draft)
        assert sighting.state == "published" and sighting.receipt
        assert sighting.receipt.id == self.posts[-1].id
        assert (await page_of(sighting.receipt.url)).status_code == 200
        return sighting.receipt

    def hurry(self) -> None:
        """Gives an answer a short time only."""
        self.api = self.steps.api = replace(self.api, timeout=0.3)

    def start_over(self) -> None:
        """What a new platform post begins with."""
        self.steps = MemorySteps(self.api)

    def arm(self, step: str, fault: str, **more: Any) -> None:
        self.world.faults.append(Fault(self.broker.key, step, fault, **more))

    def arm_after_publishing(self, step: str, fault: str) -> None:
        """Arms a fault once the irreversible request has been answered."""
        publish = self.steps.publish

        async def then_arm(name: str, do: Any) -> Any:
            result = await publish(name, do)
            self.arm(step, fault)
            return result

        self.steps.publish = then_arm  # type: ignore[method-assign]

    @property
    def posts(self) -> list[Published]:
        return self.world.ledger.posts

    @property
    def seen(self) -> list[dict[str, Any]]:
        """The media of the only post, as `Files.seen` tells of them."""
        (post,) = self.posts
        return [{name: item[name] for name in ("sha256", "size", "altText")} for item in post.media]

    @property
    def limits(self) -> dict[str, Any]:
        return self.world.identity(self.broker.key, 0).extra


async def page_of(url: str | None) -> httpx.Response:
    assert url is not None
    async with new_client() as http:
        return await http.get(url)


def simulating() -> Iterator[Simulator]:
    """A simulator for a whole module, for tests that leave nothing behind in it."""
    app = build()
    with serving(app) as root:
        yield Simulator(root, app.state.world)
