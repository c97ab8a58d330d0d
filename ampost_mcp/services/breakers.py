"""Says on platform posts that a breaker holds back what they wait for, and until when."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from ampost_mcp.context import App
from ampost_mcp.schemas import Post, PublishError
from storage import breakers
from storage.breakers import Hold

#: Statuses of a post with a platform post that may be due and waiting.
WAITING = frozenset({"queued", "posting"})


async def explain(app: App, posts: Sequence[Post]) -> None:
    """Fills in the `error` of what waits for a breaker. Costs a query only when a post of `posts` is under way."""
    under_way = [its for post in posts if post["status"] in WAITING for its in post["platformPosts"]]
    waiting = {its["id"]: its for its in under_way if its["status"] == "pending"}
    if not waiting:
        return
    for id, hold in (await app.db.read(breakers.holds, list(waiting), app.clock())).items():
        its = waiting[id]
        its["error"] = _said(app.brokers[its["platform"]].title, hold, its["error"])


def _said(title: str, hold: Hold, own: PublishError | None) -> PublishError:
    """What the platform itself said of this post stays."""
    until = max(at for at in (hold.platform_until, hold.account_until) if at is not None)
    why = f"{title} has not answered lately" if until == hold.platform_until else f"{title} asked this account to wait"
    message = f"{why}, so nothing is sent until {_time(until)}."
    if own is not None:
        return {**own, "message": f"{own['message']} {message}"}
    return {
        "code": "BROKER_ERROR", "brokerCode": "PLATFORM_ERROR", "retryable": True, "message": message,
        "hint": "It goes out by itself then; posts_get shows the outcome.",
    }  # fmt: skip


def _time(at: datetime) -> str:
    return at.strftime("%H:%M:%S UTC")
