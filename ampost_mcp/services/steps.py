"""The three verbs of publishing over the journal: what may be repeated, what is asked, and what is sent once."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, TypeVar

import anyio

from ampost_mcp.context import App
from brokers.errors import NotSent, PlatformError, Unclear
from brokers.platform_http import PlatformHttp
from storage import journal
from storage.queue import Claim

T = TypeVar("T")


class OutcomeUnknown(Exception):
    """The irreversible request left, and nobody can tell yet what became of it."""


@dataclass
class Rejected(Exception):
    """The platform took the irreversible request, and then said that it does not publish the post."""

    error: PlatformError


@dataclass
class JournalSteps:
    """`brokers.base.Steps` for one claimed platform post. `sent_before` means that the intent of this attempt is already
    on disk and the platform's protocol allows the same handle to go on; `is_sent` that the platform took the request."""

    app: App
    claim: Claim
    api: PlatformHttp
    known: dict[str, Any]
    sent_before: bool = False
    status: str = field(default="uploading")
    is_sent: bool = False

    async def upload(self, name: str, do: Callable[[], Awaitable[T]]) -> T:
        if name not in self.known:
            result = await do()
            await self._keep(name, result, "uploading")
        return self.known[name]  # type: ignore[no-any-return]

    async def wait(self, name: str, ask: Callable[[], Awaitable[T | None]], *, every: float, limit: float) -> T:
        if name in self.known:
            return self.known[name]  # type: ignore[no-any-return]
        answer = await self._ask(ask)
        if answer is None:
            deadline = await self._deadline(name, limit)
            while answer is None:
                if self.app.clock() >= deadline:
                    raise PlatformError(
                        f"The platform was still processing after {int(limit)} seconds.",
                        kind="transient", code="MEDIA_UPLOAD_FAILED", restart=True,
                    )  # fmt: skip
                await anyio.sleep(every)
                answer = await self._ask(ask)
        await self._keep(name, answer, "processing")
        return answer

    async def publish(self, name: str, do: Callable[[PlatformHttp], Awaitable[T]]) -> T:
        if name in self.known:
            self.is_sent = True
            return self.known[name]  # type: ignore[no-any-return]
        write, claim, now = self.app.db.write, self.claim, self.app.clock
        if not self.sent_before:
            await write(journal.open_intent, claim, name, now())
        self.status = "publishing"
        try:
            result = await do(self.api.on_fresh_connection())
        except NotSent as error:
            if self.sent_before:  # an earlier request of this intent may have arrived
                raise OutcomeUnknown(str(error)) from error
            await write(journal.close_intent, claim, "rejected", now(), seen=str(error))
            raise
        except PlatformError as error:
            if error.may_have_posted:
                await write(journal.note_answer, claim, error.message)
                raise OutcomeUnknown(f"{error.platform_code}: {error.message}") from error
            await write(journal.close_intent, claim, "rejected", now(), seen=error.platform_code)
            raise
        except Exception as error:  # an unclear answer, or one that the broker could not read
            raise OutcomeUnknown(str(error) if isinstance(error, Unclear) else type(error).__name__) from error
        await write(journal.close_intent, claim, "confirmed", now(), step=name, result=result)
        self.known[name], self.is_sent = result, True
        return result

    async def _ask(self, ask: Callable[[], Awaitable[T | None]]) -> T | None:
        """A poll that fails to get through is asked again, within the same deadline."""
        try:
            return await ask()
        except (NotSent, Unclear):
            return None

    async def _deadline(self, name: str, limit: float) -> datetime:
        """When to give up on a wait: set the first time, kept across restarts."""
        key = f"{name}:deadline"
        if key not in self.known:
            await self._keep(key, (self.app.clock() + timedelta(seconds=limit)).isoformat(), "processing")
        return datetime.fromisoformat(self.known[key])

    async def _keep(self, name: str, result: Any, status: str) -> None:
        changes = {} if status == self.status else {"status": status}
        await self.app.db.write(journal.save_step, self.claim, name, result, **changes)
        self.known[name], self.status = result, status
