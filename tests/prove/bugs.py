"""The proof is proved: breakages of the product, of a line or so each, and the check that has to find each of them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from types import SimpleNamespace
from typing import Any


@dataclass(frozen=True)
class Bug:
    """`plant` breaks the product in a server's process before it starts; `found_by` names the check of the run `drill`
    that has to fail then."""

    breaks: str
    plant: Callable[[], None]
    drill: str
    found_by: str


def plant(name: str) -> None:
    BUGS[name].plant()


def _intent_after_send() -> None:
    from ampost_mcp.services.steps import JournalSteps
    from storage import journal

    publish = JournalSteps.publish

    async def late(self: Any, name: str, do: Any) -> Any:
        async def send_first(api: Any) -> Any:
            result = await do(api)
            await self.app.db.write(journal.open_intent, self.claim, name, self.app.clock())
            return result

        self.sent_before = True
        return await publish(self, name, send_first)

    JournalSteps.publish = late  # type: ignore[method-assign,assignment]


def _blind_retry() -> None:
    from ampost_mcp.services.steps import JournalSteps, OutcomeUnknown

    publish = JournalSteps.publish

    async def again(self: Any, name: str, do: Any) -> Any:
        try:
            return await publish(self, name, do)
        except OutcomeUnknown:
            self.sent_before = True
            return await publish(self, name, do)

    JournalSteps.publish = again  # type: ignore[method-assign,assignment]


def _unseen_is_unsent() -> None:
    from ampost_mcp.services import running
    from brokers.base import Sighting
    from brokers.errors import PlatformError

    settle = running.settle

    async def hasty(*args: Any) -> Sighting:
        found = await settle(*args)
        said = PlatformError("It is not there.", kind="transient")
        return Sighting("refused", error=said) if found.state == "not_seen" else found

    running.settle = hasty


def _no_fence() -> None:
    from sqlalchemy import update

    from storage import journal, queue

    def hold(session: Any, claim: Any, **values: Any) -> None:
        p = queue.PLATFORM_POSTS
        session.execute(update(p).where(p.c.id == claim.platform_post_id).values(**values))

    queue.hold = journal.hold = hold  # type: ignore[attr-defined]
    journal._still_mine = lambda *_: None


def _no_sweep() -> None:
    from ampost_mcp.services.scheduler import Publisher

    async def nothing(self: Any) -> None: ...

    Publisher._sweep = nothing  # type: ignore[method-assign]


def _no_heartbeat() -> None:
    from ampost_mcp.services.scheduler import Publisher

    async def nothing(self: Any) -> None: ...

    Publisher._beat = nothing  # type: ignore[method-assign]


def _lanes_ignored() -> None:
    from sqlalchemy import false, text

    from ampost_mcp.services.scheduler import Publisher
    from storage import queue

    run = Publisher.run

    async def without_index(self: Any) -> None:
        await self.app.db.write(lambda session: session.execute(text("DROP INDEX IF EXISTS ux_lane")) and None)
        await run(self)

    Publisher.run = without_index  # type: ignore[method-assign]
    queue.exists = lambda: SimpleNamespace(where=lambda *_: false())  # type: ignore[attr-defined]
    queue._DUE = queue._due().limit(queue.WINDOW)


def _pooled_send() -> None:
    from brokers.platform_http import PlatformHttp

    PlatformHttp.on_fresh_connection = lambda self: self  # type: ignore[method-assign]


def _no_lease() -> None:
    from storage import tokens

    tokens.lease = lambda session, account_id, *_: (tokens.load(session, account_id), True)


def _refresh_stored_nowhere() -> None:
    from storage import tokens

    finish = tokens.finish
    tokens.finish = lambda session, account_id, seen, owner, now, **_: finish(session, account_id, seen, owner, now)


def _cancel_at_any_time() -> None:
    from ampost_mcp.services import posts

    posts._check_status = lambda *_: None


def _key_stored_later() -> None:
    from ampost_mcp.services.idempotency import Slot

    Slot.save = lambda *_: None  # type: ignore[method-assign]


def _edit_forgets() -> None:
    from storage import posts

    change = posts.change
    posts.change = lambda session, former, post, *rest: change(session, former, {**post, "scheduled_for": None}, *rest)


def _edit_comes_too_late() -> None:
    from storage import posts

    change = posts.change
    posts.change = lambda session, former, post, *rest: change(
        session, former, {**post, "text": former["text"], "search": former["search"]}, *rest
    )


def _too_early() -> None:
    from storage import queue

    claim_due, outlook = queue.claim_due, queue.outlook

    def ahead(now: datetime) -> datetime:
        return now + timedelta(seconds=6)

    queue.claim_due = lambda session, owner, now, **how: claim_due(session, owner, ahead(now), **how)
    queue.outlook = lambda session, now: outlook(session, ahead(now))


def _not_flushed() -> None:
    from storage import database

    set_up = database._set_up_sqlite

    def careless(connection: Any, record: Any) -> None:
        set_up(connection, record)
        connection.execute("PRAGMA synchronous=NORMAL")

    database._set_up_sqlite = careless


BUGS = {
    "intent after send": Bug(
        "the intent is written when the answer has come", _intent_after_send, "killed after the send", "duplicates"
    ),
    "blind retry": Bug("a request without an answer is sent again", _blind_retry, "answers lost, listings late", "duplicates"),
    "unseen is unsent": Bug(
        "what a look does not find counts as not sent", _unseen_is_unsent, "answers lost, listings late", "duplicates"
    ),
    "key stored later": Bug(
        "an idempotency key's answer is not in the post's transaction", _key_stored_later,
        "killed after the post was stored", "stored twice",
    ),
    "no sweep": Bug("nobody takes over from the dead", _no_sweep, "killed after the claim", "stuck"),
    "edit forgets": Bug("an edited post is not scheduled any more", _edit_forgets, "edited before its time", "stuck"),
    "edit comes too late": Bug(
        "what is published is the text before the edit", _edit_comes_too_late, "edited before its time",
        "published as it was before the edit",
    ),
    "too early": Bug("a post is due some seconds before its time", _too_early, "edited before its time", "early"),
    "lanes ignored": Bug("an account's posts go out side by side", _lanes_ignored, "one lane", "out of order"),
    "pooled send": Bug(
        "the irreversible request goes out on a used connection", _pooled_send, "used connections close",
        "unknown for no reason",
    ),
    "cancel at any time": Bug(
        "a post is cancelled although it is being sent", _cancel_at_any_time, "cancelled while it runs",
        "public although cancelled",
    ),
    "no lease": Bug("two refresh a token at once", _no_lease, "refreshed by two", "refreshed more than once"),
    "refresh stored nowhere": Bug(
        "a new token is used and not kept", _refresh_stored_nowhere, "refreshed in time", "refreshed more or less than once"
    ),
    "not flushed": Bug(
        "commits with synchronous=NORMAL", _not_flushed, "flushed to the disk", "commit that a power cut may take back"
    ),
    "no fence": Bug("a claim that was lost still writes", _no_fence, "woken too late", "public although failed"),
    "no heartbeat": Bug("a worker does not say that it lives", _no_heartbeat, "slow but alive", "taken from one that lives"),
}  # fmt: skip
