"""Which platform posts are due, who holds them, and how they end. Every write of a publisher names its claim's fence."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Row, Select, and_, bindparam, exists, func, or_, select, update
from sqlalchemy.exc import IntegrityError
from sqlmodel import Session

from storage.tables import metadata

PLATFORM_POSTS = metadata.tables["platform_posts"]
POSTS = metadata.tables["posts"]
ACCOUNTS = metadata.tables["accounts"]
INTENTS = metadata.tables["publish_intents"]
PUBLISHERS = metadata.tables["publishers"]
BREAKERS = metadata.tables["breakers"]

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
    running = _running_by_platform(session) if account_id is None else Counter()
    rows = session.execute(_due(now, _full(running, caps), account_id)).all()
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
        ids = [claim.post_id for claim in claims]
        session.execute(update(POSTS).where(POSTS.c.id.in_(ids)).values(status="posting", updated_at=now))
    return claims


def _full(running: Mapping[str, int], caps: Mapping[str, int]) -> list[str]:
    """Platforms with no free place. They are not looked at: what waits for them must not hide what is due elsewhere."""
    return [platform for platform, count in running.items() if count >= caps.get(platform, CAP)]


def _queue_what_waits(session: Session, now: datetime) -> None:
    p = PLATFORM_POSTS
    waiting = select(p.c.post_id).where(p.c.next_at <= now, p.c.owner.is_(None), p.c.status == "pending")
    session.execute(update(POSTS).where(POSTS.c.status == "scheduled", POSTS.c.id.in_(waiting)).values(status="queued"))


def _due(now: datetime, full: Sequence[str], account_id: str | None) -> Any:
    p, other = PLATFORM_POSTS, PLATFORM_POSTS.alias("other")
    busy = exists().where(other.c.account_id == p.c.account_id, other.c.owner.is_not(None))
    found = (
        select(
            p.c.id, p.c.post_id, p.c.user_id, p.c.account_id, p.c.platform, p.c.status, p.c.attempts, p.c.fence,
            p.c.next_at, p.c.first_try_at, POSTS.c.status.label("post_status"), POSTS.c.scheduled_for,
        )
        .join(POSTS, POSTS.c.id == p.c.post_id)
        .outerjoin(ACCOUNTS, ACCOUNTS.c.id == p.c.account_id)
        .where(p.c.next_at.is_not(None), p.c.next_at <= now, p.c.owner.is_(None), ~busy)
        .where(or_(ACCOUNTS.c.blocked_until.is_(None), ACCOUNTS.c.blocked_until <= now))
        .where(p.c.platform.not_in(select(BREAKERS.c.platform).where(BREAKERS.c.until > now)))
        .order_by(p.c.next_at, p.c.post_seq, p.c.position)
        .limit(1 if account_id else WINDOW)
        .with_for_update(of=p, skip_locked=True)
    )  # fmt: skip
    if full:
        found = found.where(p.c.platform.not_in(full))
    return found.where(p.c.account_id == account_id) if account_id else found


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


def _claim(session: Session, row: Row[Any], owner: str, now: datetime) -> Claim | None:
    p = PLATFORM_POSTS
    attempt = row.attempts + (row.status == "pending")
    values = {
        "owner": owner, "fence": row.fence + 1, "attempts": attempt, "next_at": None, "updated_at": now,
        "status": "uploading" if row.status == "pending" else row.status, "first_try_at": row.first_try_at or now,
    }  # fmt: skip
    try:
        with session.begin_nested():
            session.execute(update(p).where(p.c.id == row.id, p.c.fence == row.fence).values(values))
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
    p = PLATFORM_POSTS
    mine = and_(p.c.id == claim.platform_post_id, p.c.fence == claim.fence, p.c.owner == claim.owner)
    if session.execute(update(p).where(mine).values(**values)).rowcount != 1:  # type: ignore[attr-defined]
        raise LostClaim(claim.platform_post_id)


def let_go(session: Session, claim: Claim, now: datetime, **values: Any) -> str:
    """Ends a claim with what became of it (`status`, `error`, `next_at`, ...) and returns the post's status then."""
    hold(session, claim, owner=None, updated_at=now, **values)
    return refresh_status(session, claim.post_id, now)


def refresh_status(session: Session, post_id: str, now: datetime) -> str:
    """Computes the post's status from its platform posts and stores it."""
    p = PLATFORM_POSTS
    # Two platforms that end at the same time must see each other: the second waits here for the first to commit.
    session.execute(select(POSTS.c.seq).where(POSTS.c.id == post_id).with_for_update())
    rows = session.execute(
        select(p.c.status, p.c.owner, p.c.next_at, p.c.tries, p.c.published_at).where(p.c.post_id == post_id)
    ).all()
    status = status_of(rows)
    times = [row.published_at for row in rows if row.published_at is not None]
    values: dict[str, Any] = {"status": status, "updated_at": now}
    if times:
        values["published_at"] = min(times)
    session.execute(update(POSTS).where(POSTS.c.id == post_id, POSTS.c.status != "discarded").values(values))
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
    row = session.execute(_due(now, _full(_running_by_platform(session), caps), None).limit(1)).first()
    return row.next_at if row else None


def block(session: Session, account_id: str, until: datetime) -> None:
    """Opens an account's breaker: nothing of it is claimed before `until`."""
    session.execute(update(ACCOUNTS).where(ACCOUNTS.c.id == account_id).values(blocked_until=until))


# -- publishers ----------------------------------------------------------------------------------------------------


def beat(session: Session, owner: str, now: datetime) -> None:
    """Says that this publisher is alive."""
    touched = session.execute(update(PUBLISHERS).where(PUBLISHERS.c.id == owner).values(seen_at=now))
    if touched.rowcount == 0:  # type: ignore[attr-defined]
        session.execute(PUBLISHERS.insert().values(id=owner, started_at=now, seen_at=now))


def leave(session: Session, owner: str, now: datetime) -> int:
    """A publisher stops in order: what it still holds is due again for others at once."""
    session.execute(PUBLISHERS.delete().where(PUBLISHERS.c.id == owner))
    return _set_free(session, PLATFORM_POSTS.c.owner == owner, now)


def give_back(session: Session, claim: Claim, at: datetime) -> None:
    """Makes a claimed row due again at `at`. Raises LostClaim."""
    hold(session, claim, owner=None, next_at=at)


#: Claims, as ids of platform posts with their fences.
Held = frozenset[tuple[str, int]]


def sweep(
    session: Session, now: datetime, *, alive_since: datetime | None, me: str, running: Collection[str] = (),
    idle: Held = frozenset(),
) -> tuple[int, Held]:  # fmt: skip
    """Frees what nobody carries out and answers how many, and the claims of `me` that are not `running`.

    Publishers not seen since `alive_since` are dead; None means that there can be no other (the lock on the data folder),
    so all but `me` are. A claim of `me` that was `idle` before, and is still, got lost: the database took it and broke
    before it could say so, or could not be given back.
    """
    dead = PUBLISHERS.c.id != me
    if alive_since is not None:
        dead = and_(dead, PUBLISHERS.c.seen_at < alive_since)
    session.execute(PUBLISHERS.delete().where(dead))
    alive = select(PUBLISHERS.c.id)
    p = PLATFORM_POSTS
    orphaned = and_(p.c.owner != me, p.c.owner.not_in(alive))
    held = session.execute(select(p.c.id, p.c.fence).where(p.c.owner == me)).all()
    still_idle = frozenset((row.id, row.fence) for row in held if row.id not in running)
    lost = and_(p.c.owner == me, p.c.id.in_([id for id, _ in still_idle & idle]))
    freed = _set_free(session, and_(p.c.owner.is_not(None), or_(orphaned, lost)), now)
    return freed, still_idle - idle


def _set_free(session: Session, which: Any, now: datetime) -> int:
    p = PLATFORM_POSTS
    freed = session.execute(update(p).where(which).values(owner=None, next_at=now, fence=p.c.fence + 1, updated_at=now))
    return int(freed.rowcount)  # type: ignore[attr-defined]
