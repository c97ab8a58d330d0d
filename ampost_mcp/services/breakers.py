"""Says on platform posts that a breaker holds back what they wait for, and until when."""

from __future__ import annotations

from collections.abc import Sequence

from ampost_mcp.context import App
from ampost_mcp.schemas import Post, PublishError
from storage import breakers
from storage.breakers import Hold

#: What a message says before the time of the next try.
TRYING_AGAIN = " Trying again at "
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
    """What the platform itself said of this post stays, but for the time of a try that has to wait longer."""
    until = max(at for at in (hold.platform_until, hold.account_until) if at is not None)
    whom = f"{title} asked this account to wait"
    if until == hold.platform_until:
        whom = f"{title} asked this server to wait" if hold.asked else f"{title} has not answered lately"
    message = f"{whom}, so nothing is sent until {until:%H:%M:%S} UTC."
    if own is not None:
        return {**own, "message": f"{own['message'].partition(TRYING_AGAIN)[0]} {message}"}
    return {
        "code": "BROKER_ERROR", "brokerCode": "PLATFORM_ERROR", "retryable": True, "message": message,
        "hint": "It goes out by itself then; posts_get shows the outcome.",
    }  # fmt: skip
