"""A broker with an account on a simulator, and the steps of one platform post."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest

from brokers.base import Account, Attempt, Broker, Draft, Receipt, Sighting
from brokers.errors import PlatformError, Unclear
from brokers.platform_http import PlatformHttp, new_client
from brokers.sandbox.app import build
from brokers.sandbox.ledger import Published
from brokers.sandbox.world import Fault
from tests.brokers.conftest import MemorySteps, Simulator, account_on, api_for
from tests.serving import serving


class Bench:
    def __init__(self, broker: Broker, simulator: Simulator, client: Any, **account: Any) -> None:
        self.broker, self.root, self.world = broker, simulator.root, simulator.world
        self.api: PlatformHttp = api_for(broker, simulator, client, links_to_root=True)
        self.account: Account = account_on(simulator, broker.key, **account)
        self.steps = MemorySteps(self.api)
        self.began = datetime.now(UTC)

    async def publish(self, draft: Draft) -> Receipt:
        return await self.broker.publish(self.api, self.account, draft, self.steps)

    async def refused(self, draft: Draft) -> PlatformError:
        with pytest.raises(PlatformError) as caught:
            await self.publish(draft)
        return caught.value

    async def lost(self, draft: Draft, fault: str) -> None:
        """Publishes, and the answer of the irreversible request never comes."""
        self.arm("publish", fault)
        self.steps.api = replace(self.api, timeout=0.5)
        with pytest.raises(Unclear):
            await self.publish(draft)

    async def find(self, draft: Draft, **changes: Any) -> Sighting:
        assert self.broker.find is not None
        attempt = Attempt(**{"journal": self.steps.journal, "started_at": self.began, **changes})
        return await self.broker.find(self.api, self.account, draft, attempt)

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
