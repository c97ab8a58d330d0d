"""Which platform posts are due, who holds them, and how they end. Every write of a publisher names its claim's fence."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Row, Select, bindparam, exists, func, or_, select, update
from sqlalchemy.exc import IntegrityError
from sqlmodel import Session

from storage.database import apart, take_turn
from storage.tables import metadata

PLATFORM_POSTS = metadata.tables["platform_posts"]
POSTS = metadata.tables["posts"]
ACCOUNTS = metadata.tables["accounts"]
INTENTS = metadata.tables["publish_intents"]
PUBLISHERS = metadata.tables["publishers"]
BREAKERS = metadata.tables["breakers"]

_LOCK = 7_240_513
RUNNING = ("uploading", "processing", "publishing")
#: How many due rows one claim looks at, and how many publishes run at once on a platform that names no number.
WINDOW, CAP = 512, 64


class LostClaim(Exception):
    """Another publisher holds this platform post now: whatever this one still wanted to write is void."""


@dataclass(frozen=True)
class Claim:
    """The right to publish one platform post. `due_at` is when it was due, for the lateness figure."""

    platform_post_id: str
    post_id: str
    user_id: str
    account_id: str | None
    platform: str
    attempt: int
    fence: int
    owner: str
    due_at: datetime


def claim_due(
    session: Session, owner: str, now: datetime, *, caps: Mapping[str, int], grace: float, account_id: str | None = None,
) -> list[Claim]:  # fmt: skip
    """Claims due platform posts: one an account (its earliest), and `caps` at once a platform.

    What is later than `grace` seconds after its schedule fails with `MISSED_SCHEDULE`; what is due but must wait makes
    its post `queued`. `account_id` looks at one lane only, whose place on the platform is free already.
    """
    running: Counter[str] = Counter()
    if account_id is None:
        # Publishers that claim at the same time would get in each other's lanes, wait for each other, and overfill `caps`.
        take_turn(session, _LOCK)
        running = _running_by_platform(session)
        rows = session.execute(_DUE, {"now": now, "full": _full(running, caps)}).all()
    else:
        rows = session.execute(_DUE_IN_LANE, {"now": now, "full": [], "account_id": account_id}).all()
    claims: list[Claim] = []
    seen_accounts: set[str | None] = set()
    for row in rows:
        if _missed(row, now, grace):
            _fail_missed(session, row, now)
        elif row.account_id in seen_accounts or running[row.platform] >= caps.get(row.platform, CAP):
            continue
        elif claim := _claim(session, row, owner, now):
            seen_accounts.add(row.account_id)
            running[row.platform] += 1
            claims.append(claim)
    if account_id is None:
        _queue_what_waits(session, now)
    if claims:
        session.execute(_POSTING, {"ids": [claim.post_id for claim in claims], "status": "posting", "updated_at": now})
    return claims


def _full(running: Mapping[str, int], caps: Mapping[str, int]) -> list[str]:
    """Platforms with no free place. They are not looked at: what waits for them must not hide what is due elsewhere."""
    return [platform for platform, count in running.items() if count >= caps.get(platform, CAP)]


def _queue_what_waits(session: Session, now: datetime) -> None:
    p = PLATFORM_POSTS
    waiting = select(p.c.post_id).where(p.c.next_at <= now, p.c.owner.is_(None), p.c.status == "pending")
    session.execute(update(POSTS).where(POSTS.c.status == "scheduled", POSTS.c.id.in_(waiting)).values(status="queued"))


def _due() -> Select[Any]:
    """What is due at `now`, earliest first, where neither the account nor one of the `full` platforms is taken or blocked."""
    p, other, now = PLATFORM_POSTS, PLATFORM_POSTS.alias("other"), bindparam("now", type_=PLATFORM_POSTS.c.next_at.type)
    busy = exists().where(other.c.account_id == p.c.account_id, other.c.owner.is_not(None))
    return (
        select(
            p.c.id, p.c.post_id, p.c.user_id, p.c.account_id, p.c.platform, p.c.status, p.c.attempts, p.c.fence,
            p.c.next_at, p.c.first_try_at, POSTS.c.status.label("post_status"), POSTS.c.scheduled_for,
        )
        .join(POSTS, POSTS.c.id == p.c.post_id)
        .outerjoin(ACCOUNTS, ACCOUNTS.c.id == p.c.account_id)
        .where(p.c.next_at.is_not(None), p.c.next_at <= now, p.c.owner.is_(None), ~busy)
        .where(or_(ACCOUNTS.c.blocked_until.is_(None), ACCOUNTS.c.blocked_until <= now))
        .where(p.c.platform.not_in(select(BREAKERS.c.platform).where(BREAKERS.c.until > now)))
        .where(p.c.platform.not_in(bindparam("full", expanding=True)))
        .order_by(p.c.next_at, p.c.post_seq, p.c.position)
        .with_for_update(of=p, skip_locked=True)
    )  # fmt: skip


_DUE = _due().limit(WINDOW)
_DUE_IN_LANE = _due().where(PLATFORM_POSTS.c.account_id == bindparam("account_id")).limit(1)
_FIRST_DUE = _due().limit(1)
_POSTING = update(POSTS).where(POSTS.c.id.in_(bindparam("ids", expanding=True)))


def _running_by_platform(session: Session) -> Counter[str]:
    p = PLATFORM_POSTS
    held = p.c.owner.is_not(None) & p.c.account_id.is_not(None)
    return Counter(dict(session.execute(select(p.c.platform, func.count()).where(held).group_by(p.c.platform)).all()))


def _missed(row: Row[Any], now: datetime, grace: float) -> bool:
    """Scheduled, its time long over, and not begun on this platform, whatever became of the post on others."""
    scheduled = row.scheduled_for if row.attempts == 0 else None
    # What a person asked for since then (publish now) is due later than its schedule, and is not missed.
    return scheduled is not None and row.next_at <= scheduled and now - scheduled > timedelta(seconds=grace)


def _fail_missed(session: Session, row: Row[Any], now: datetime) -> None:
    late = int((now - row.scheduled_for).total_seconds())
    error = {
        "code": "MISSED_SCHEDULE", "brokerCode": None, "retryable": True,
        "message": f"The server was not running at the scheduled time; {late} seconds late is more than the grace allows.",
        "hint": "Publish it now with posts_retry, or leave it unpublished.",
    }  # fmt: skip
    p = PLATFORM_POSTS
    session.execute(
        update(p).where(p.c.id == row.id)
        .values(status="failed", error=error, next_at=None, fence=p.c.fence + 1, updated_at=now)
    )  # fmt: skip
    refresh_status(session, row.post_id, now)


_TAKE = update(PLATFORM_POSTS).where(PLATFORM_POSTS.c.id == bindparam("its_id"), PLATFORM_POSTS.c.fence == bindparam("its_fence"))
_HOLD = _TAKE.where(PLATFORM_POSTS.c.owner == bindparam("its_owner"))


def _claim(session: Session, row: Row[Any], owner: str, now: datetime) -> Claim | None:
    attempt = row.attempts + (row.status == "pending")
    values = {
        "owner": owner, "fence": row.fence + 1, "attempts": attempt, "next_at": None, "updated_at": now,
        "status": "uploading" if row.status == "pending" else row.status, "first_try_at": row.first_try_at or now,
    }  # fmt: skip
    try:
        with apart(session):
            session.execute(_TAKE, {"its_id": row.id, "its_fence": row.fence, **values})
    except IntegrityError:  # another process took this account's lane a moment ago
        return None
    return Claim(
        row.id,
        row.post_id,
        row.user_id,
        row.account_id,
        row.platform,
        attempt,
        row.fence + 1,
        owner,
        row.next_at,
    )


def hold(session: Session, claim: Claim, **values: Any) -> None:
    """Writes to the claimed row, if the claim still stands. Raises LostClaim."""
    mine = {"its_id": claim.platform_post_id, "its_fence": claim.fence, "its_owner": claim.owner}
    if session.execute(_HOLD, {**mine, **values}).rowcount != 1:  # type: ignore[attr-defined]
        raise LostClaim(claim.platform_post_id)


def let_go(session: Session, claim: Claim, now: datetime, **values: Any) -> str:
    """Ends a claim with what became of it (`status`, `error`, `next_at`, ...) and returns the post's status then."""
    hold(session, claim, owner=None, updated_at=now, **values)
    return refresh_status(session, claim.post_id, now)


_LOCK_POST = select(POSTS.c.seq).where(POSTS.c.id == bindparam("its_id")).with_for_update()
_STANDINGS = select(*(PLATFORM_POSTS.c[name] for name in ("status", "owner", "next_at", "tries", "published_at"))).where(
    PLATFORM_POSTS.c.post_id == bindparam("its_id")
)
_SET_STATUS = update(POSTS).where(POSTS.c.id == bindparam("its_id"), POSTS.c.status != "discarded")


def refresh_status(session: Session, post_id: str, now: datetime) -> str:
    """Computes the post's status from its platform posts and stores it."""
    its = {"its_id": post_id}
    # Two platforms that end at the same time must see each other: the second waits here for the first to commit.
    session.execute(_LOCK_POST, its)
    rows = session.execute(_STANDINGS, its).all()
    status = status_of(rows)
    times = [row.published_at for row in rows if row.published_at is not None]
    values: dict[str, Any] = {"status": status, "updated_at": now}
    if times:
        values["published_at"] = min(times)
    session.execute(_SET_STATUS, its | values)
    return status


def status_of(rows: Sequence[Any]) -> str:
    """The status of a begun post; rows have `status`, `owner`, `next_at` and `tries`."""
    if any(row.owner is not None or row.status in RUNNING for row in rows):
        return "posting"
    if any(row.status == "pending" and row.next_at is not None for row in rows):
        untouched = all(row.status == "pending" and row.tries == 0 for row in rows)
        return "queued" if untouched else "posting"
    published = sum(row.status == "published" for row in rows)
    return "published" if published == len(rows) else "partial" if published else "failed"


def _first_after(now: Any, at: Any, *where: Any) -> Any:
    return select(func.min(at)).where(at > now, *where).scalar_subquery()


def _outlook() -> Select[Any]:
    """One statement, made once: every publisher asks it every second."""
    p, now = PLATFORM_POSTS, bindparam("now", type_=PLATFORM_POSTS.c.next_at.type)
    free = p.c.next_at.is_not(None) & p.c.owner.is_(None)
    return select(
        select(p.c.id).where(free, p.c.next_at <= now).exists(),
        _first_after(now, p.c.next_at, free),
        _first_after(now, ACCOUNTS.c.blocked_until),
        _first_after(now, BREAKERS.c.until),
    )


_OUTLOOK = _outlook()


def outlook(session: Session, now: datetime) -> tuple[bool, datetime | None]:
    """Whether anything is due that nobody holds, and when the next thing will be."""
    due, *later = session.execute(_OUTLOOK, {"now": now}).one()
    return bool(due), min((at for at in later if at is not None), default=None)


def oldest_overdue(session: Session, now: datetime, caps: Mapping[str, int]) -> datetime | None:
    """The earliest due time of a platform post that nobody holds although its lane and its platform are free."""
    row = session.execute(_FIRST_DUE, {"now": now, "full": _full(_running_by_platform(session), caps)}).first()
    return row.next_at if row else None


def block(session: Session, account_id: str, until: datetime) -> None:
    """Opens an account's breaker: nothing of it is claimed before `until`."""
    session.execute(update(ACCOUNTS).where(ACCOUNTS.c.id == account_id).values(blocked_until=until))


def give_back(session: Session, claim: Claim, at: datetime) -> None:
    """Makes a claimed row due again at `at`. Raises LostClaim."""
    hold(session, claim, owner=None, next_at=at)
