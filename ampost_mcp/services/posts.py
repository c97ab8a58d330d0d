"""Posts: create, read, edit, discard. What publishes them is in `publishing`."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby
from typing import Any

from sqlalchemy import Row
from sqlmodel import Session

from ampost_mcp.context import App, Caller
from ampost_mcp.errors import AppError, from_faults
from ampost_mcp.schemas import PlatformPost, Post, PostCreate, PostList, PostOut, PostRef, PostsOut, PostUpdate, write_time
from ampost_mcp.services import breakers, checking, composing, idempotency
from storage import accounts, post_lists, posts
from storage.post_lists import Filters
from storage.tables import new_id

EDITABLE = frozenset({"draft", "scheduled"})
DISCARDABLE = frozenset({"draft", "scheduled", "queued", "partial", "failed"})


async def create(app: App, caller: Caller, args: PostCreate) -> PostOut:
    """A draft, or a scheduled post. Raises all faults at once."""
    answer = await app.db.write(_create, app, caller, args, idempotency.current())
    if args.scheduled_for is not None:
        app.wake()
    return answer


def _create(session: Session, app: App, caller: Caller, args: PostCreate, slot: idempotency.Slot | None) -> PostOut:
    columns = composing.created(args)
    if faults := checking.all_faults(session, app, caller.user_id, args, columns):
        raise from_faults(faults)
    connected = accounts.in_set(session, caller.user_id, columns["platform_set_id"], app.clock())
    now = app.clock()
    own: dict[str, Any] = {
        "id": new_id(), "user_id": caller.user_id, "owner_tag": caller.owner_tag, "created_at": now, "updated_at": now,
    }  # fmt: skip
    posts.insert(session, {**columns, **own}, connected)
    answer = _out(posts.read(session, caller.user_id, str(own["id"])))
    if slot is not None:
        slot.save(session, answer.model_dump(by_alias=True, mode="json"))
    return answer


async def get(app: App, caller: Caller, args: PostRef) -> PostOut:
    """One post. Raises POST_NOT_FOUND."""
    answer = _out(await app.db.read_quick(posts.read, caller.user_id, args.post_id))
    await breakers.explain(app, [answer.post])
    return answer


async def list_posts(app: App, caller: Caller, args: PostList) -> PostsOut:
    """A page of the caller's posts, newest first."""
    filters = Filters(caller.user_id, caller.owner_tag, args.status, args.platform, args.platform_set_id, args.search or None)
    rows, has_more = await app.db.read(_page, filters, args.limit, args.offset)
    found = [wire(list(group)) for _, group in groupby(rows, key=lambda row: row.seq)]
    await breakers.explain(app, found)
    return PostsOut.model_construct(posts=found, limit=args.limit, offset=args.offset, has_more=has_more)


def _page(session: Session, filters: Filters, limit: int, offset: int) -> tuple[Sequence[Row[Any]], bool]:
    seqs = post_lists.page(session, filters, limit + 1, offset)
    return posts.read_many(session, filters.user_id, seqs[:limit]), len(seqs) > limit


async def update(app: App, caller: Caller, args: PostUpdate) -> PostOut:
    """Changes what is given of a draft or scheduled post.

    Raises POST_NOT_FOUND, INVALID_STATUS_TRANSITION, or all faults of the post as it would become.
    """
    if composing.is_empty(args):
        raise from_faults([checking.fault("VALIDATION_FAILED", "", "The update changes nothing.", "Give a field to change.")])
    answer = await app.db.write(_update, app, caller, args)
    app.wake()
    return answer


def _update(session: Session, app: App, caller: Caller, args: PostUpdate) -> PostOut:
    post, rows = _locked(session, caller.user_id, args.post_id)
    _check_status(post, rows, EDITABLE, "edited")
    columns = composing.edited(post, args) | {"updated_at": app.clock()}
    if faults := checking.all_faults(session, app, caller.user_id, args, columns):
        raise from_faults(faults)
    is_rebuilt = args.model_fields_set & {"platforms", "platform_set_id"}
    connected = accounts.in_set(session, caller.user_id, columns["platform_set_id"], app.clock()) if is_rebuilt else None
    posts.change(session, post, columns, rows, connected)
    return _out(posts.read(session, caller.user_id, args.post_id))


async def discard(app: App, caller: Caller, args: PostRef) -> PostOut:
    """Discards a post that is not being published. Raises POST_NOT_FOUND, INVALID_STATUS_TRANSITION."""
    return await app.db.write(_discard, app, caller, args)


def _discard(session: Session, app: App, caller: Caller, args: PostRef) -> PostOut:
    post, rows = _locked(session, caller.user_id, args.post_id)
    _check_status(post, rows, DISCARDABLE, "discarded")
    posts.discard(session, args.post_id, app.clock())
    return _out(posts.read(session, caller.user_id, args.post_id))


def _locked(session: Session, user_id: str, post_id: str) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    found = posts.lock(session, user_id, post_id)
    if found is None:
        raise not_found()
    return found


def _check_status(
    post: dict[str, Any], rows: list[dict[str, Any]], allowed: frozenset[str], what: str
) -> None:  # fmt: skip
    status = "posting" if any(row["owner"] for row in rows) else post["status"]
    if status not in allowed:
        raise AppError(
            "INVALID_STATUS_TRANSITION",
            f"A post that is {status} cannot be {what}.",
            f"Only {', '.join(sorted(allowed))} posts can be {what}; posts_get shows the status.",
            [{"code": "INVALID_STATUS_TRANSITION", "field": "postId", "actual": status}],
        )


def not_found() -> AppError:
    return AppError(
        "POST_NOT_FOUND", "No post has this id.", "posts_list shows your posts.",
        [{"code": "POST_NOT_FOUND", "field": "postId"}],
    )  # fmt: skip


def _out(rows: Sequence[Row[Any]]) -> PostOut:
    if not rows:
        raise not_found()
    return PostOut.model_construct(post=wire(rows))


def wire(rows: Sequence[Row[Any]]) -> Post:
    """A post's wire form from its joined rows."""
    row = rows[0]
    return {
        "id": row.id, "userId": row.user_id, "platformSetId": row.platform_set_id, "text": row.text,
        "media": [_shown(item) for item in row.media], "linkUrl": row.link_url, "platformOverrides": row.overrides,
        "platforms": row.platforms, "platformPosts": [_platform_post(each) for each in rows], "status": row.status,
        "scheduledFor": write_time(row.scheduled_for), "publishedAt": write_time(row.published_at),
        "createdAt": _written(row.created_at), "updatedAt": _written(row.updated_at),
    }  # fmt: skip


def _shown(item: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in item.items() if name != "explicit"}


def _platform_post(row: Row[Any]) -> PlatformPost:
    shown: PlatformPost = {
        "id": row.pp_id, "platform": row.pp_platform, "accountId": row.pp_account_id, "status": row.pp_status,
        "platformPostId": row.pp_remote_id, "url": row.pp_url, "publishedAt": write_time(row.pp_published_at),
        "attempts": row.pp_attempts, "updatedAt": _written(row.pp_updated_at), "error": row.pp_error,
    }  # fmt: skip
    if row.pp_notes:
        shown["notes"] = row.pp_notes
    return shown


def _written(at: Any) -> str:
    return str(write_time(at))
