"""Waiting for a post's outcome, whichever process brings it about."""

from __future__ import annotations

import anyio
from sqlalchemy import select
from sqlmodel import Session

from ampost_mcp.context import App
from storage.queue import POSTS

UNSETTLED = ("queued", "posting", "scheduled")
#: Seconds between looks when another process may be the one that publishes.
EVERY = 0.25


async def settled(app: App, post_id: str, seconds: float) -> None:
    """Returns when the post is no longer under way, or after `seconds`."""
    with anyio.move_on_after(seconds):
        while await app.db.read_quick(_status, post_id) in UNSETTLED:
            if app.publisher is None:
                await anyio.sleep(EVERY)
            else:
                await app.publisher.next_end(post_id, EVERY)


def _status(session: Session, post_id: str) -> str | None:
    return session.execute(select(POSTS.c.status).where(POSTS.c.id == post_id)).scalar()
