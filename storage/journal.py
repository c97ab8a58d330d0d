"""The journal of a publish: results of steps, and the intent that is on disk before the irreversible request leaves."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import BindParameter, and_, bindparam, delete, func, select, update
from sqlalchemy.exc import IntegrityError
from sqlmodel import Session

from storage import tokens
from storage.database import apart
from storage.queue import INTENTS, PLATFORM_POSTS, POSTS, Claim, LostClaim, hold
from storage.tables import Account, metadata, new_id

STEPS = metadata.tables["steps"]

# Statements of every publish, made once.
_OF: BindParameter[str] = bindparam("of")
_BOTH = select(*PLATFORM_POSTS.c, *POSTS.c).join(POSTS, POSTS.c.id == PLATFORM_POSTS.c.post_id).where(PLATFORM_POSTS.c.id == _OF)
_STEPS = select(STEPS.c.name, STEPS.c.result).where(STEPS.c.platform_post_id == _OF)
_INTENT = select(INTENTS).where(INTENTS.c.platform_post_id == _OF, INTENTS.c.attempt == bindparam("attempt"))
_FORGET_STEP = delete(STEPS).where(STEPS.c.platform_post_id == _OF, STEPS.c.name == bindparam("called"))
_KEEP_STEP, _KEEP_INTENT = STEPS.insert(), INTENTS.insert()
_OPEN = and_(INTENTS.c.platform_post_id == _OF, INTENTS.c.state == "open")
_IS_OPEN, _CHANGE_OPEN = select(INTENTS.c.id).where(_OPEN), update(INTENTS).where(_OPEN)
_MINE = (
    select(PLATFORM_POSTS.c.id)
    .where(PLATFORM_POSTS.c.id == _OF, PLATFORM_POSTS.c.fence == bindparam("held"), PLATFORM_POSTS.c.owner == bindparam("me"))
    .with_for_update()
)


@dataclass(frozen=True)
class Work:
    """All that a publisher needs to begin or resume: rows as mappings, the journal, the intent of this attempt."""

    post: dict[str, Any]
    platform_post: dict[str, Any]
    account: Account | None
    journal: dict[str, Any]
    intent: dict[str, Any] | None


def load(session: Session, claim: Claim) -> Work:
    of = claim.platform_post_id
    row = session.execute(_BOTH, {"of": of}).first()
    if row is None:
        raise LostClaim(of)
    platform_post = dict(zip(PLATFORM_POSTS.c.keys(), row, strict=False))
    post = dict(zip(POSTS.c.keys(), row[len(platform_post) :], strict=True))
    intent = session.execute(_INTENT, {"of": of, "attempt": claim.attempt}).mappings().first()
    steps = session.execute(_STEPS, {"of": of}).all()
    return Work(post, platform_post, tokens.load(session, claim.account_id), dict(steps), dict(intent) if intent else None)


def save_step(session: Session, claim: Claim, name: str, result: Any, /, **values: Any) -> None:
    """Stores a step's result; `values` change the claimed row with it. Raises LostClaim."""
    if values:
        hold(session, claim, **values)
    else:
        _still_mine(session, claim)
    _keep_step(session, claim, name, result)


def _keep_step(session: Session, claim: Claim, name: str, result: Any) -> None:
    session.execute(_FORGET_STEP, {"of": claim.platform_post_id, "called": name})
    session.execute(_KEEP_STEP, {"platform_post_id": claim.platform_post_id, "name": name, "result": result})


def forget_steps(session: Session, platform_post_id: str) -> None:
    """Empties the journal: the next attempt builds everything anew."""
    session.execute(delete(STEPS).where(STEPS.c.platform_post_id == platform_post_id))


def open_intent(session: Session, claim: Claim, step: str, now: datetime) -> None:
    """Records that the irreversible request of this attempt is about to leave. Raises LostClaim, also when one was
    recorded before: the database itself refuses a second send."""
    hold(session, claim, status="publishing", updated_at=now)
    try:
        with apart(session):
            row = {
                "id": new_id(), "platform_post_id": claim.platform_post_id, "attempt": claim.attempt, "step": step,
                "fence": claim.fence, "state": "open", "looks": 0, "created_at": now,
            }  # fmt: skip
            session.execute(_KEEP_INTENT, row)
    except IntegrityError as error:
        raise LostClaim(f"attempt {claim.attempt} has already been sent") from error


def close_intent(
    session: Session, claim: Claim, state: str, now: datetime, *, seen: str | None = None, step: str | None = None,
    result: Any = None,
) -> None:  # fmt: skip
    """Closes the attempt's intent as `confirmed`, `rejected` or `unknown`; with `step`, stores its result too."""
    _still_mine(session, claim)
    session.execute(_CHANGE_OPEN, {"of": claim.platform_post_id, "state": state, "closed_at": now, "seen": seen})
    if step is not None:
        _keep_step(session, claim, step, result)


def note_answer(session: Session, claim: Claim, seen: str) -> None:
    """Keeps what the platform answered with the open intent of this attempt."""
    _still_mine(session, claim)
    session.execute(_CHANGE_OPEN, {"of": claim.platform_post_id, "seen": seen})


def close_unknown(session: Session, claim: Claim, now: datetime) -> str | None:
    """Closes the attempt's intent, if it is still open, as one that nobody knows the outcome of: what the platform
    answered, when it did."""
    _still_mine(session, claim)
    its = (INTENTS.c.platform_post_id == claim.platform_post_id) & (INTENTS.c.attempt == claim.attempt)
    session.execute(update(INTENTS).where(its, INTENTS.c.state == "open").values(state="unknown", closed_at=now))
    return session.execute(select(INTENTS.c.seen).where(its, INTENTS.c.state == "unknown")).scalar_one_or_none()


def is_confirmed(session: Session, claim: Claim) -> bool:
    """Whether the platform has taken the irreversible request of this journal: nothing may send it again."""
    sent = (INTENTS.c.platform_post_id == claim.platform_post_id) & (INTENTS.c.state == "confirmed")
    kept = (STEPS.c.platform_post_id == INTENTS.c.platform_post_id) & (STEPS.c.name == INTENTS.c.step)
    return session.execute(select(INTENTS.c.id).join(STEPS, kept).where(sent)).first() is not None


def was_sent(session: Session, claim: Claim) -> bool:
    """Whether this journal's irreversible request has been taken, or may have been."""
    return is_confirmed(session, claim) or session.execute(_IS_OPEN, {"of": claim.platform_post_id}).first() is not None


def remote_ids(session: Session, account_id: str, but: str) -> frozenset[str]:
    """What this account has published, apart from platform post `but`: not to be mistaken for it."""
    p = PLATFORM_POSTS
    rows = session.execute(
        select(p.c.remote_id).where(p.c.account_id == account_id, p.c.id != but, p.c.remote_id.is_not(None))
        .order_by(p.c.post_seq.desc()).limit(500)
    )  # fmt: skip
    return frozenset(row[0] for row in rows)


def open_intents(session: Session) -> int:
    return int(session.execute(select(func.count()).select_from(INTENTS).where(INTENTS.c.state == "open")).scalar_one())


def _still_mine(session: Session, claim: Claim) -> None:
    mine = {"of": claim.platform_post_id, "held": claim.fence, "me": claim.owner}
    if session.execute(_MINE, mine).first() is None:
        raise LostClaim(claim.platform_post_id)
