"""Posts and their platform posts, as their owner reads and changes them. What publishers do is in `storage.queue`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Row, bindparam, select, update
from sqlmodel import Session

from storage.queue import PLATFORM_POSTS, POSTS
from storage.tables import new_id

#: Columns that only a search looks at, and those of a platform post that its owner sees.
_SEARCH = frozenset({"search", "owner_tag"})
_SHOWN = (
    "id", "platform", "account_id", "status", "remote_id", "url", "published_at", "attempts", "updated_at", "error", "notes",
)  # fmt: skip
_JOINED = (
    select(
        *[column for column in POSTS.c if column.name not in _SEARCH],
        *[PLATFORM_POSTS.c[name].label(f"pp_{name}") for name in _SHOWN],
    )
    .join(PLATFORM_POSTS, PLATFORM_POSTS.c.post_id == POSTS.c.id)
    .order_by(POSTS.c.seq.desc(), PLATFORM_POSTS.c.position)
)
_INSERT, _INSERT_PLATFORM_POSTS = POSTS.insert(), PLATFORM_POSTS.insert()
_ONE = _JOINED.where(POSTS.c.id == bindparam("post_id"), POSTS.c.user_id == bindparam("user_id"))
_LOCK = select(POSTS).where(POSTS.c.id == bindparam("post_id"), POSTS.c.user_id == bindparam("user_id")).with_for_update()
_LOCK_PLATFORM_POSTS = (
    select(PLATFORM_POSTS)
    .where(PLATFORM_POSTS.c.post_id == bindparam("post_id"), PLATFORM_POSTS.c.user_id == bindparam("user_id"))
    .order_by(PLATFORM_POSTS.c.position)
    .with_for_update()
)
_MANY = _JOINED.where(POSTS.c.user_id == bindparam("user_id"), POSTS.c.seq.in_(bindparam("seqs", expanding=True)))


def read(session: Session, user_id: str, post_id: str) -> Sequence[Row[Any]]:
    """A post joined with its platform posts (`pp_...`), a row each in their order; no rows when the user has none."""
    return session.execute(_ONE, {"post_id": post_id, "user_id": user_id}).all()


def read_many(session: Session, user_id: str, seqs: Sequence[int]) -> Sequence[Row[Any]]:
    """The same for several posts, newest first."""
    return session.execute(_MANY, {"user_id": user_id, "seqs": list(seqs)}).all() if seqs else []


def lock(session: Session, user_id: str, post_id: str) -> tuple[dict[str, Any], list[dict[str, Any]]] | None:
    """A post and its platform posts in their order, which nobody else changes before this transaction ends."""
    # Platform posts first, as publishers lock them: two that lock in different order can wait for each other for ever.
    mine = {"post_id": post_id, "user_id": user_id}
    rows = session.execute(_LOCK_PLATFORM_POSTS, mine).mappings().all()
    post = session.execute(_LOCK, mine).mappings().first()
    return (dict(post), [dict(row) for row in rows]) if post else None


def insert(session: Session, post: Mapping[str, Any], accounts: Mapping[str, str]) -> None:
    """A new post (all columns but `seq`), and a platform post for each of its platforms with its account there."""
    key = session.execute(_INSERT, post).inserted_primary_key  # type: ignore[attr-defined]
    _add(session, post, key[0], post["platforms"], accounts)


def _add(session: Session, post: Mapping[str, Any], seq: int, platforms: Iterable[str], accounts: Mapping[str, str]) -> None:
    rows = [
        {"id": new_id(), "post_id": post["id"], "user_id": post["user_id"], "post_seq": seq, "platform": platform,
         "position": post["platforms"].index(platform), "account_id": accounts.get(platform),
         "next_at": post["scheduled_for"], "created_at": post["updated_at"], "updated_at": post["updated_at"]}
        for platform in platforms
    ]  # fmt: skip
    if rows:
        session.execute(_INSERT_PLATFORM_POSTS, rows)


def change(
    session: Session,
    former: Mapping[str, Any],
    post: Mapping[str, Any],
    rows: Sequence[Mapping[str, Any]],
    accounts: Mapping[str, str] | None,
) -> None:
    """Stores an edited post: `former` and `rows` as locked, `post` with its new values. With `accounts` its platform posts
    are brought in line with its platforms: those that stay keep their ids."""
    p, now = PLATFORM_POSTS, post["updated_at"]
    # Only what is new: an unchanged text is not indexed again.
    values = {name: value for name, value in post.items() if value != former[name]} | {"updated_at": now}
    session.execute(update(POSTS).where(POSTS.c.seq == post["seq"]).values(values))
    of_post = p.c.post_id == post["id"]
    due = {"next_at": post["scheduled_for"], "fence": p.c.fence + 1, "updated_at": now}
    if accounts is None:
        session.execute(update(p).where(of_post).values(due))
        return
    session.execute(p.delete().where(of_post, p.c.platform.not_in(post["platforms"])))
    kept = [row["platform"] for row in rows if row["platform"] in post["platforms"]]
    for platform in kept:
        place = {"position": post["platforms"].index(platform), "account_id": accounts.get(platform)}
        session.execute(update(p).where(of_post, p.c.platform == platform).values(**due, **place))
    _add(session, post, post["seq"], [name for name in post["platforms"] if name not in kept], accounts)


def discard(session: Session, post_id: str, now: datetime) -> None:
    """Nothing more of the post is published; a publisher that still holds an old fence writes into the void."""
    p = PLATFORM_POSTS
    session.execute(update(POSTS).where(POSTS.c.id == post_id).values(status="discarded", updated_at=now))
    session.execute(
        update(p)
        .where(p.c.post_id == post_id, p.c.status != "published")
        .values(status="cancelled", next_at=None, fence=p.c.fence + 1, updated_at=now)
    )
