"""The simulator's state: who exists, which tokens are good, what was published, which faults are armed."""

from __future__ import annotations

import hashlib
import secrets
import time
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

import httpx
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from brokers.platform_http import new_client
from brokers.sandbox.ledger import Ledger, Published

Handler = Callable[["World", Request], Awaitable[Response]]

#: Faults that answer instead of the handler, and faults that let it take effect first.
BEFORE = ("refuse", "rate_limit", "expired_token", "error_before", "hang")
AFTER = ("error_after", "lose_answer", "truncate")
OTHER = ("delay", "slow", "late_listing")


class SimRefusal(Exception):
    """A refusal in the platform's own shape."""

    def __init__(self, response: Response) -> None:
        self.response = response


@dataclass(frozen=True)
class SimRoute:
    """One endpoint. `step` says what it is for: token, read, upload, wait, publish, page. `path` is a Starlette path
    below the host, such as `/v1.0/{user}/threads`. `step_of` tells requests apart where one endpoint serves several
    steps (the last chunk of an upload that publishes)."""

    method: str
    host: str
    path: str
    step: str
    handler: Handler
    step_of: Callable[[Request], str | Awaitable[str]] | None = None


@dataclass(frozen=True)
class Part:
    """One platform of the simulator. `refusal(fault, retry_after)` answers `refuse`, `rate_limit`, `expired_token` and
    `error_before`/`error_after` in the platform's own error shape. `identity(n)` makes its n-th account."""

    platform: str
    routes: tuple[SimRoute, ...]
    refusal: Callable[[str, float], Response]
    identity: Callable[[int], Identity]


@dataclass
class Identity:
    """An account on the simulated platform. `extra` is the platform part's own (Pages, privacy options, quotas)."""

    platform: str
    id: str
    username: str
    name: str
    extra: dict[str, Any] = field(default_factory=dict)


@dataclass
class Fault:
    """An armed fault. `step` is a `SimRoute.step`, or `*`; `times` counts down, -1 stays; seconds in `delay` and
    `retry_after`; `account` limits it to one account id."""

    platform: str
    step: str
    fault: str
    times: int = 1
    delay: float = 0
    retry_after: float = 1
    account: str | None = None


@dataclass
class Token:
    """A credential the simulator issued. `kind` is access, refresh or code; `expires_at` unix seconds or None."""

    platform: str
    identity: str
    kind: str
    scopes: list[str]
    expires_at: float | None = None
    family: str = ""
    extra: dict[str, Any] = field(default_factory=dict)


class World:
    """One simulated internet of platforms. All methods run in one event loop."""

    def __init__(self, ledger: Ledger, clock: Callable[[], float] = time.time) -> None:
        self.ledger = ledger
        self.clock = clock
        self.parts: dict[str, Part] = {}
        self.identities: dict[tuple[str, str], Identity] = {}
        self.tokens: dict[str, Token] = {}
        self.faults: list[Fault] = []
        self.replies: list[tuple[str, str, Response]] = []  # (platform, step, what to answer once)
        self.objects: dict[str, dict[str, Any]] = {}  # containers, uploads, sessions: whatever a part keeps by id
        self.counts: Counter[tuple[str, str]] = Counter()  # (platform, step) -> requests seen
        self.requests: list[dict[str, Any]] = []
        self.answer_delay = 0.0
        #: What is sent twice appears twice, for a proof that must see it; the real X, Facebook and LinkedIn refuse it.
        self.takes_duplicates = False
        self._next = int(time.time() * 1000)

    # -- who exists ----------------------------------------------------------------------------------------------

    def identity(self, platform: str, number: int = 0) -> Identity:
        """The n-th account of a platform; made on first use, the same at every start."""
        made = self.parts[platform].identity(number)
        return self.identities.setdefault((platform, made.id), made)

    def standing_token(self, platform: str, number: int = 0) -> str:
        """An access token that is always good: what `serve --sandbox`, the demo and tests connect with."""
        who = self.identity(platform, number)
        token = f"sandbox-{platform}-{number}"
        self.tokens.setdefault(token, Token(platform, who.id, "access", ["*"]))
        return token

    def new_id(self, digits: int = 17) -> str:
        self._next += 1
        return str(self._next).rjust(digits, "1")

    # -- credentials ---------------------------------------------------------------------------------------------

    def issue(
        self, platform: str, identity: str, kind: str, scopes: list[str], ttl: float | None, *,
        family: str = "", **extra: Any,
    ) -> str:  # fmt: skip
        """Issues a credential; members of a `family` die together when a used refresh token shows up again."""
        value = f"sim-{platform}-{kind}-{secrets.token_urlsafe(24)}"
        expires = None if ttl is None else self.clock() + ttl
        self.tokens[value] = Token(platform, identity, kind, scopes, expires, family or secrets.token_hex(8), extra)
        return value

    def token(self, platform: str, value: str | None, kind: str = "access") -> Token | None:
        """The credential when it is known, of this platform and kind, and not expired."""
        if value and value.startswith(f"sandbox-{platform}-") and value not in self.tokens:
            tail = value.rsplit("-", 1)[1]
            if tail.isdigit():
                self.standing_token(platform, int(tail))
        found = self.tokens.get(value or "")
        if found is None or found.platform != platform or found.kind != kind:
            return None
        return None if found.expires_at is not None and found.expires_at <= self.clock() else found

    def revoke_family(self, family: str) -> None:
        self.tokens = {value: token for value, token in self.tokens.items() if token.family != family}

    # -- publishing ----------------------------------------------------------------------------------------------

    async def publish(
        self, platform: str, account_id: str, text: str, *, post_id: str | None = None,
        media: list[dict[str, Any]] | None = None, url: str | None = None, **extra: Any,
    ) -> Published:  # fmt: skip
        """Makes a post public: it is in the ledger, on disk, when this returns."""
        post = Published(
            post_id or self.new_id(), platform, account_id, text, self.clock(), media or [], extra, url
        )  # fmt: skip
        await self.ledger.add(post)
        return post

    def published(self, platform: str, account_id: str | None = None) -> list[Published]:
        """Public posts, newest first, as a platform's listing shows them (an armed `late_listing` hides new ones)."""
        late = next((f for f in self.faults if f.platform == platform and f.fault == "late_listing"), None)
        horizon = self.clock() - (late.delay if late else 0)
        return [
            post for post in reversed(self.ledger.posts)
            if post.platform == platform and post.at <= horizon and account_id in (None, post.account_id)
        ]  # fmt: skip

    def find_post(self, platform: str, post_id: str) -> Published | None:
        return next((p for p in self.ledger.posts if p.platform == platform and p.id == post_id), None)

    async def fetch(self, url: str) -> dict[str, Any] | None:
        """Fetches media as Meta or TikTok would: `{sha256, size, mimeType, head}`, or None when it cannot be had."""
        digest, size, head = hashlib.sha256(), 0, b""
        try:
            async with new_client() as client, client.stream("GET", url, timeout=30) as response:
                if response.status_code != 200:
                    return None
                async for chunk in response.aiter_bytes():
                    head = head or chunk[:64]
                    digest.update(chunk)
                    size += len(chunk)
                kind = response.headers.get("content-type", "").split(";")[0]
        except (httpx.HTTPError, httpx.InvalidURL):
            return None
        return {"sha256": digest.hexdigest(), "size": size, "mimeType": kind, "head": head.hex()}

    # -- faults --------------------------------------------------------------------------------------------------

    def take_fault(self, platform: str, step: str, account: str | None, kinds: tuple[str, ...]) -> Fault | None:
        """The first armed fault of these kinds for this step, counted down."""
        for fault in self.faults:
            fits = fault.fault in kinds and fault.platform in (platform, "*") and fault.step in (step, "*")
            if fits and fault.times != 0 and fault.account in (None, account):
                fault.times -= fault.times > 0
                return fault
        return None

    def arm_reply(self, platform: str, step: str, status: int, body: Any, headers: dict[str, str] | None = None) -> None:
        """Answers the next request of this step with exactly this, without effect: any documented error on demand."""
        self.replies.append((platform, step, JSONResponse(body, status, headers)))

    def take_reply(self, platform: str, step: str) -> Response | None:
        """The first armed reply for this step, used up."""
        for index, (its_platform, its_step, response) in enumerate(self.replies):
            if its_platform == platform and its_step in (step, "*"):
                del self.replies[index]
                return response
        return None

    def ready_at(self, platform: str) -> float:
        """When media taken in now will be processed: now, or later with `slow` armed."""
        fault = self.take_fault(platform, "*", None, ("slow",)) or self.take_fault(platform, "wait", None, ("slow",))
        return self.clock() + (fault.delay if fault else 0)
