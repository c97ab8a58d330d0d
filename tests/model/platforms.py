"""Platforms that do what a model test says, and the ledger of what they received."""

from __future__ import annotations

import asyncio
from collections import defaultdict, deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace
from functools import partial

from brokers.base import NOT_SEEN, PENDING, RESUME, Account, Attempt, Broker, Draft, Receipt, Sighting, Steps
from brokers.errors import NotSent, PlatformError, Unclear
from brokers.oauth import Tokens
from brokers.platform_http import PlatformHttp

Pass = Callable[[str], Awaitable[None]]

#: Seconds that a slow answer takes.
SLOW = 40
#: Fault -> whether the request took effect all the same, and what the broker raises.
FAULTS: dict[str, tuple[bool, Callable[[], Exception]]] = {
    "content": (False, lambda: PlatformError("The platform does not take this.", kind="content")),
    "transient": (False, lambda: PlatformError("Not now.", kind="transient")),
    "restart": (False, lambda: PlatformError("The container is gone.", kind="transient", restart=True)),
    "unknown": (False, lambda: PlatformError("No.", kind="unknown")),
    "quota": (False, lambda: PlatformError("Slow down.", kind="quota", retry_after=30)),
    "not sent": (False, lambda: NotSent("no connection")),
    "dropped": (False, lambda: Unclear("reset before it arrived")),
    "lost": (True, lambda: Unclear("the answer was lost")),
    "garbled": (True, lambda: RuntimeError("the answer cannot be read")),
    "refused and posted": (True, lambda: PlatformError("Refused.", kind="transient", may_have_posted=True)),
}
#: What may go wrong where. After the send, a broker may still ask for something (a link), and `content` there is the
#: platform's verdict: it takes the post down again.
PLACES: dict[str, tuple[str, ...]] = {
    "upload": ("slow", "content", "transient", "restart", "quota", "not sent", "dropped"),
    "send": tuple(FAULTS),
    "after": ("slow", "content", "unknown", "transient", "restart", "not sent", "dropped", "garbled"),
    "token": ("unknown", "transient", "dropped", "not sent"),
    "look": ("pending", "dropped"),
}


@dataclass(frozen=True)
class Effect:
    """A post that is visible on a platform."""

    id: str
    platform: str
    account_id: str
    text: str
    handle: str


@dataclass
class Platform:
    """`shows`: a look-up sees what took effect. `resumes`: one handle makes one post however often it is sent, and a look
    that finds none says so."""

    key: str
    resumes: bool = False
    shows: bool = True
    ledger: list[Effect] = field(default_factory=list)
    faults: defaultdict[str, deque[str]] = field(default_factory=lambda: defaultdict(deque))
    uploads: int = 0
    sends: int = 0
    faults_of_ours: int = 0

    def broker(self, broker: Broker, passed: Pass, lanes: int) -> Broker:
        """`broker` with this platform behind it; `passed` is awaited before and after every request. A lost answer to a
        token refresh costs no account: what is refused without one is no part of the model."""
        return replace(
            broker, publish=partial(self._publish, passed), find=partial(self._find, passed), settle=(1.0, 2.0), lanes=lanes,
            oauth=replace(broker.oauth, refresh=partial(self._refresh, passed), refreshes_access_token=False, rotates=False),
        )  # fmt: skip

    async def _publish(self, passed: Pass, api: PlatformHttp, account: Account, draft: Draft, steps: Steps) -> Receipt:
        async def upload() -> str:
            await passed("before upload")
            await self._maybe_fail("upload")
            self.uploads += 1
            return f"{self.key}-handle-{self.uploads}"

        async def send(_: PlatformHttp) -> str:
            await passed("before send")
            answer = self._receive(account.id, draft.text, handle)
            await passed("after send")
            return answer()

        async def link() -> str:
            await passed("before link")
            if self.faults["after"] and self.faults["after"][0] == "content":
                self.ledger = [effect for effect in self.ledger if effect.id != remote_id]
            await self._maybe_fail("after")
            return f"https://example.com/{remote_id}"

        handle = await steps.upload("container", upload)
        remote_id = await steps.publish("release", send)
        return Receipt(remote_id, await steps.upload("link", link))

    def _receive(self, account_id: str, text: str, handle: str) -> Callable[[], str]:
        """Takes an irreversible request, and returns what to answer it with."""
        fault = self._next_fault("send")
        takes_effect, error = FAULTS[fault] if fault else (True, None)
        found = next((effect for effect in self.ledger if self.resumes and effect.handle == handle), None)
        if takes_effect and found is None:
            self.sends += 1
            found = Effect(f"{self.key}-{self.sends}", self.key, account_id, text, handle)
            self.ledger.append(found)

        def answer() -> str:
            if error is not None:
                raise error()
            assert found is not None
            return found.id

        return answer

    async def _find(self, passed: Pass, api: PlatformHttp, account: Account, draft: Draft, attempt: Attempt) -> Sighting:
        await passed("before look")
        if self._next_fault("look") == "pending":
            return PENDING
        for effect in self.ledger:
            same = (effect.account_id, effect.text) == (account.id, draft.text) and effect.id not in attempt.taken
            if same and (self.shows or self.resumes):
                return Sighting("published", Receipt(effect.id))
        return RESUME if self.resumes else NOT_SEEN

    async def _refresh(self, passed: Pass, *_: object) -> Tokens:
        await passed("before refresh")
        await self._maybe_fail("token")
        return Tokens("another token", expires_in=3600)

    def _next_fault(self, place: str) -> str | None:
        return self.faults[place].popleft() if self.faults[place] else None

    async def _maybe_fail(self, place: str) -> None:
        fault = self._next_fault(place)
        if fault == "slow":
            await asyncio.sleep(SLOW)
        elif fault:
            self.faults_of_ours += fault == "garbled"
            raise FAULTS[fault][1]()
