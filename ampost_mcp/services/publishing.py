"""Publish and retry: the work is committed first, then only waited for. A publisher does it (see `scheduler`)."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import update
from sqlmodel import Session

from ampost_mcp.context import App, Caller
from ampost_mcp.errors import STATUS, AppError, from_faults
from ampost_mcp.schemas import PostOut, PostRef, PostRetry
from ampost_mcp.services import checking, posts
from ampost_mcp.services.waiting import settled
from storage import journal
from storage import posts as rows
from storage.queue import INTENTS, PLATFORM_POSTS, POSTS, refresh_status

PUBLISHABLE = ("draft", "scheduled")
RETRYABLE = ("partial", "failed")


async def publish(app: App, caller: Caller, args: PostRef) -> PostOut:
    """Publishes a draft or scheduled post now and waits up to `AMPOST_PUBLISH_WAIT` seconds for the outcome.

    Raises POST_NOT_FOUND, INVALID_STATUS_TRANSITION, any rule's fault (nothing has begun then), or, when every platform
    failed for good within the wait, the platforms' error with the post in `details[0].post`.
    """
    await app.db.write(_begin, app, caller.user_id, args.post_id)
    return await _outcome(app, caller, args.post_id)


async def retry(app: App, caller: Caller, args: PostRetry) -> PostOut:
    """Tries the failed platforms of a partial or failed post again, or those named in `platforms`.

    One that ended `PUBLISH_OUTCOME_UNKNOWN` must be named, with `acknowledgeDuplicateRisk`. Raises like `publish`, and
    NO_PLATFORMS_SELECTED when none is named in `platforms`.
    """
    if args.platforms == []:
        raise from_faults([_nothing_named()])
    await app.db.write(_begin_again, app, caller.user_id, args)
    return await _outcome(app, caller, args.post_id)


async def _outcome(app: App, caller: Caller, post_id: str) -> PostOut:
    app.wake()
    await settled(app, post_id, app.settings.publish_wait)
    answer = await posts.get(app, caller, PostRef(post_id=post_id))
    post = answer.model_dump(by_alias=True, mode="json")["post"]
    if post["status"] == "failed":
        raise failure(post)
    return answer


def failure(post: dict[str, Any]) -> AppError:
    """The error of a post that failed on every platform: the platform posts' own code, `BROKER_ERROR` when they differ."""
    errors = [(pp["platform"], pp["error"]) for pp in post["platformPosts"] if pp["error"]]
    codes = {error["code"] for _, error in errors}
    code = codes.pop() if len(codes) == 1 else "BROKER_ERROR"
    details = [
        {"code": error["code"], "brokerCode": error["brokerCode"], "platform": platform, "field": "platforms",
         "message": error["message"], "hint": error["hint"], "retryable": error["retryable"]}
        for platform, error in errors
    ] or [{"code": code}]  # fmt: skip
    details[0]["post"] = post
    hints = list(dict.fromkeys(error["hint"] for _, error in errors if error["hint"]))
    return AppError(
        code if code in STATUS else "BROKER_ERROR",
        " ".join(f"{platform}: {error['message']}" for platform, error in errors) or "Publishing failed.",
        " ".join(hints) or "Read platformPosts[].error, mend the cause, then call posts_retry.",
        details,
        retryable=bool(errors) and all(error["retryable"] for _, error in errors),
    )


def _begin(session: Session, app: App, user_id: str, post_id: str) -> None:
    post, _ = _locked(session, user_id, post_id)
    if post["status"] not in PUBLISHABLE:
        raise _wrong_status(post["status"], "published", "draft or scheduled")
    if faults := checking.stored_faults(app, session, post):
        raise from_faults(faults)
    _make_due(session, app.clock(), post_id, None)
    _set_status(session, post_id, "queued", app.clock())


def _begin_again(session: Session, app: App, user_id: str, args: PostRetry) -> None:
    post, its = _locked(session, user_id, args.post_id)
    named = list(dict.fromkeys(args.platforms or []))
    if strangers := [name for name in named if name not in {row["platform"] for row in its}]:
        raise from_faults([_stranger(name) for name in strangers])
    if post["status"] not in RETRYABLE:
        raise _wrong_status(post["status"], "retried", "partial or failed")
    chosen = [row for row in its if row["status"] == "failed" and (not named or row["platform"] in named)]
    if unfit := [row["platform"] for row in its if row["platform"] in named and row["status"] != "failed"]:
        raise AppError("INVALID_STATUS_TRANSITION", f"Not failed: {', '.join(unfit)}.", "Name only failed platforms.")
    unknown = [row["platform"] for row in chosen if (row["error"] or {}).get("code") == "PUBLISH_OUTCOME_UNKNOWN"]
    if not named or not args.acknowledge_duplicate_risk:
        if unknown and (named or len(unknown) == len(chosen)):
            raise _may_double(unknown)
        chosen = [row for row in chosen if row["platform"] not in unknown]
    if not chosen:
        raise AppError("INVALID_STATUS_TRANSITION", "No platform of this post can be retried.", "posts_get shows why.")
    if faults := checking.stored_faults(app, session, post, [row["platform"] for row in chosen]):
        raise from_faults(faults)
    for row in chosen:
        journal.forget_steps(session, row["id"])
    _make_due(session, app.clock(), args.post_id, [row["id"] for row in chosen])
    refresh_status(session, args.post_id, app.clock())


def _locked(session: Session, user_id: str, post_id: str) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    found = rows.lock(session, user_id, post_id)
    if found is None:
        raise posts.not_found()
    return found


def _make_due(session: Session, now: datetime, post_id: str, ids: list[str] | None) -> None:
    p = PLATFORM_POSTS
    due = update(p).where(p.c.post_id == post_id, p.c.owner.is_(None))
    if ids is not None:
        due = due.where(p.c.id.in_(ids))
        session.execute(
            update(INTENTS).where(INTENTS.c.platform_post_id.in_(ids), INTENTS.c.state == "open").values(state="unknown")
        )
    session.execute(due.values(status="pending", next_at=now, tries=0, first_try_at=None, error=None, updated_at=now))


def _set_status(session: Session, post_id: str, status: str, now: datetime) -> None:
    session.execute(update(POSTS).where(POSTS.c.id == post_id).values(status=status, updated_at=now))


def _wrong_status(status: str, what: str, needed: str) -> AppError:
    return AppError(
        "INVALID_STATUS_TRANSITION",
        f"A post that is {status} cannot be {what}.",
        f"Only {needed} posts can be {what}; posts_get shows the status.",
        [{"code": "INVALID_STATUS_TRANSITION", "field": "postId", "actual": status}],
    )


def _nothing_named() -> dict[str, Any]:
    return checking.fault(
        "NO_PLATFORMS_SELECTED", "platforms", "No platform is selected.",
        "Name failed platforms that posts_get shows, or leave platforms out to retry all of them.",
    )  # fmt: skip


def _stranger(name: str) -> dict[str, Any]:
    return {
        "code": "VALIDATION_FAILED", "field": "platforms", "platform": name,
        "message": f"The post does not have the platform {name}.", "hint": "Name platforms that posts_get shows.",
    }  # fmt: skip


def _may_double(platforms: list[str]) -> AppError:
    names = ", ".join(platforms)
    return AppError(
        "INVALID_STATUS_TRANSITION",
        f"Nobody can tell whether {names} published; a retry may post twice.",
        f"Look at the account first. To retry all the same, call posts_retry with platforms naming {names} and "
        "acknowledgeDuplicateRisk true.",
        [
            {"code": "INVALID_STATUS_TRANSITION", "field": "acknowledgeDuplicateRisk", "platform": name,
             "actual": "PUBLISH_OUTCOME_UNKNOWN"}
            for name in platforms
        ],
    )  # fmt: skip
