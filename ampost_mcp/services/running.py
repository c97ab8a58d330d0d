"""Carries out one claimed platform post, from wherever it stands, to an end or to its next try."""

from __future__ import annotations

import random
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

import structlog
from sqlmodel import Session

from ampost_mcp.context import App
from ampost_mcp.services import checking, media, metrics, tokens, tracing
from ampost_mcp.services.breakers import TRYING_AGAIN
from ampost_mcp.services.settling import settle
from ampost_mcp.services.steps import JournalSteps, OutcomeUnknown, Rejected
from ampost_mcp.services.tracing import TracedSteps
from brokers.base import Account, Broker, Draft, Receipt
from brokers.errors import RETRYABLE, NotSent, PlatformError, Unclear
from brokers.platform_http import PlatformHttp
from storage import breakers, journal, queue
from storage.queue import Claim, LostClaim

log = structlog.get_logger("ampost.publish")

#: Automatic tries of one request by a person, and the time they may take (seconds).
MAX_TRIES, MAX_TIME = 5, 3600.0
#: The journal's name for a receipt that a look-up found; no broker has a step of this name.
FOUND = "found by a look-up"
#: What a platform may say of a post that it took; any other kind of refusal is about the asking.
VERDICTS = frozenset({"content", "identity"})
FIRST_PAUSE, MAX_PAUSE = 2.0, 600.0
#: Hints: while the server tries again, and for errors that bring none.
WAITS = "The server tries again by itself."
LATER = "posts_retry tries again later."
READ = "Read the message, look at the account on the platform, and call posts_retry once the cause is gone."


@dataclass(frozen=True)
class End:
    """How a claim ends: the values for the row, and what to log. `blocked_until` opens the account's breaker, or its
    platform's when the quota is `app_wide`; `answered` closes the platform's."""

    values: dict[str, Any]
    blocked_until: datetime | None = None
    app_wide: bool = False
    forget: bool = False
    answered: bool = False


async def carry_out(app: App, claim: Claim) -> Claim | None:
    """Publishes, resumes or settles, and records the end. Returns the next claim of the same lane, when one is due.
    Whatever happens, a claim that this process still holds ends in a row that says what became of it."""
    metrics.LATENESS.labels(claim.platform).observe((app.clock() - claim.due_at).total_seconds())
    try:
        with tracing.span(
            app, "ampost attempt", platform=claim.platform, post_id=claim.post_id, attempt=claim.attempt,
            platform_post_id=claim.platform_post_id,
        ) as current:  # fmt: skip
            work = await app.db.read_quick(journal.load, claim)
            end = await _end_of(app, claim, work)
            following = await app.db.write(_record, app, claim, end)
            status, error = str(end.values["status"]), end.values.get("error") or {}
            tracing.ends(current, status, code=error.get("code"), failed=status == "failed")
    except LostClaim:
        log.warning("publish.lost_claim", platform=claim.platform, post=claim.post_id, fence=claim.fence)
        return None
    _report(claim, end)
    return following


def _record(session: Session, app: App, claim: Claim, end: End) -> Claim | None:
    now = app.clock()
    if end.forget:
        journal.forget_steps(session, claim.platform_post_id)
    queue.let_go(session, claim, now, **end.values)
    if end.answered:
        breakers.worked(session, claim.platform)
    if end.blocked_until and end.app_wide:
        breakers.hold(session, claim.platform, end.blocked_until)
    elif end.blocked_until and claim.account_id:
        queue.block(session, claim.account_id, end.blocked_until)
    if claim.account_id is None:
        return None
    nexts = queue.claim_due(session, claim.owner, now, caps={}, grace=app.settings.late_grace, account_id=claim.account_id)
    return nexts[0] if nexts else None


async def _end_of(app: App, claim: Claim, work: journal.Work) -> End:
    broker = app.brokers[claim.platform]
    notes: list[str] = list(work.platform_post["notes"] or [])
    state = work.intent["state"] if work.intent else None
    if state == "unknown":  # it was settled, and the publisher died before it said so
        return await _unknown(app, claim, broker)
    if state == "rejected":  # surely not published, and the publisher died before it said why
        return _again(app.clock(), 0, work.platform_post, PlatformError("The platform refused it.", kind="transient"))
    if found := work.journal.get(FOUND):  # a look-up found it, and the publisher died before it said so
        return _published(app, Receipt(found["id"], found["url"], tuple(found.get("notes", ()))), notes)
    try:
        account = await _account(app, work)
        draft = _draft(app, work, broker, notes)
        api = tokens.api_for(app, broker)
        outcome: Receipt | datetime
        if state != "open":
            if state is None:
                _check_again(app, work)
            outcome = await _publish(app, claim, broker, api, account, draft, work.journal, resume=False)
        else:
            outcome = work.intent["created_at"] if work.intent else app.clock()
        receipt = outcome if isinstance(outcome, Receipt) else None
        if isinstance(outcome, datetime):
            receipt = await _settled(app, claim, broker, api, account, draft, work.journal, outcome)
    except Rejected as rejected:
        return replace(_final(_from_platform(rejected.error)), answered=rejected.error.status is not None)
    except (PlatformError, NotSent, Unclear) as error:
        return await _failed(app, claim, work, broker, error)
    except LostClaim:
        raise
    except Exception:
        log.exception("publish.fault", platform=claim.platform, post=claim.post_id)
        if await app.db.read(journal.was_sent, claim):  # a retry must not take this for a post that never left
            return await _unknown(app, claim, broker)
        return _final(_error("INTERNAL_ERROR", "The server failed on this post.", None, False, None))
    if receipt is None:
        if state != "open":  # what was sent before a death says nothing of the platform now
            await app.db.write(breakers.failed, claim.platform, app.clock())
        return await _unknown(app, claim, broker)
    return _published(app, receipt, notes)


def _published(app: App, receipt: Receipt, notes: list[str]) -> End:
    return End(
        {"status": "published", "remote_id": receipt.id, "url": receipt.url, "published_at": app.clock(), "error": None,
         "notes": list(dict.fromkeys([*notes, *receipt.notes])), "next_at": None},
        answered=True,
    )  # fmt: skip


async def _publish(
    app: App, claim: Claim, broker: Broker, api: PlatformHttp, account: Account, draft: Draft, known: dict[str, Any], *,
    resume: bool,
) -> Receipt | datetime:  # fmt: skip
    """The receipt, or when the intent was committed if the outcome is not known."""
    started_at = app.clock()
    steps = JournalSteps(app, claim, api, known, sent_before=resume)
    try:
        return await broker.publish(api, account, draft, TracedSteps(steps))
    except OutcomeUnknown as error:
        log.warning("publish.unclear", platform=claim.platform, post=claim.post_id, seen=str(error))
        return started_at
    except PlatformError as error:
        if steps.is_sent and error.kind in VERDICTS:
            raise Rejected(error) from error
        raise


async def _settled(
    app: App, claim: Claim, broker: Broker, api: PlatformHttp, account: Account, draft: Draft, known: dict[str, Any],
    started_at: datetime,
) -> Receipt | None:  # fmt: skip
    """The receipt of an outcome that was unclear, or None when nobody can tell. Raises what the platform refused with."""
    sighting = await settle(app, claim, broker, api, account, draft, known, started_at)
    if sighting.state == "resume":
        outcome = await _publish(app, claim, broker, api, account, draft, known, resume=True)
        if isinstance(outcome, Receipt):
            return outcome
        sighting = await settle(app, claim, broker, api, account, draft, known, started_at)
    if sighting.state == "published" and sighting.receipt:
        found = {"id": sighting.receipt.id, "url": sighting.receipt.url, "notes": sighting.receipt.notes}
        await app.db.write(
            journal.close_intent, claim, "confirmed", app.clock(), seen="found by a look-up", step=FOUND, result=found
        )  # fmt: skip
        return sighting.receipt
    if sighting.state == "refused" and isinstance(sighting.error, PlatformError):
        await app.db.write(journal.close_intent, claim, "rejected", app.clock(), seen=sighting.error.platform_code)
        raise sighting.error
    return None


async def _unknown(app: App, claim: Claim, broker: Broker) -> End:
    said = await app.db.write(journal.close_unknown, claim, app.clock())
    answered = f'answered the publishing request with "{said}"' if said else "did not answer the publishing request"
    looked = f"a look at {broker.title} did not find it" if broker.find else f"{broker.title} offers no way to look it up"
    return _final(_error(
        "PUBLISH_OUTCOME_UNKNOWN", f"{broker.title} {answered}, and {looked}: it may or may not be there.",
        f"Look at the account on {broker.title}. If the post is not there, call posts_retry with platforms "
        f'["{broker.key}"] and acknowledgeDuplicateRisk true.', False, None,
    ))  # fmt: skip


async def _failed(app: App, claim: Claim, work: journal.Work, broker: Broker, raised: Exception) -> End:
    row, now = work.platform_post, app.clock()
    held_until: datetime | None = None
    if isinstance(raised, PlatformError):
        error = raised
    else:
        error = _unreachable(broker, raised)
        held_until = await app.db.write(breakers.failed, claim.platform, now)
    is_sent = await app.db.read(journal.was_sent, claim)
    if error.kind == "auth" and await _renewed(app, work, error):
        return _again(now, 0, row, error, is_sent=is_sent)
    pause = max(_pause(error, row["tries"]), (held_until - now).total_seconds() if held_until else 0.0)
    tried_for, answered = (now - (row["first_try_at"] or now)).total_seconds(), error.status is not None
    over = row["tries"] + 1 >= MAX_TRIES or tried_for + pause > MAX_TIME
    if is_sent:
        # The post is with the platform, or may be, and only what came after went wrong: it is asked again, never sent again.
        error.restart = False
        if error.kind not in RETRYABLE or over:
            return await _unknown(app, claim, broker)
    if error.kind not in RETRYABLE or over:
        return replace(_final(_from_platform(error), forget=error.restart), answered=answered)
    blocked_until = now + timedelta(seconds=pause) if error.kind == "quota" else None
    again = _again(now, pause, row, error, is_sent=is_sent)
    return replace(again, blocked_until=blocked_until, app_wide=error.app_wide, answered=answered)


async def _renewed(app: App, work: journal.Work, error: PlatformError) -> bool:
    """A refused token is refreshed once; a second refusal in a row is the account's trouble."""
    if work.account is None:
        return False
    if (work.platform_post["error"] or {}).get("brokerCode") in ("AUTH_EXPIRED", "AUTH_REVOKED"):
        await tokens.give_up(app, work.account.id, error)
        return False
    return await tokens.renew(app, work.account.id, error)


def _again(now: datetime, pause: float, row: dict[str, Any], error: PlatformError, *, is_sent: bool = False) -> End:
    """A new attempt; what may have been sent goes on under the attempt that it has."""
    at = now + timedelta(seconds=pause)
    said = _from_platform(error) | {"hint": f"{error.hint or 'Nothing needs to change.'} {WAITS}"}
    if pause:
        said["message"] = f"{error.message.rstrip('.')}.{TRYING_AGAIN}{at:%H:%M:%S} UTC."
    values = {"status": "publishing" if is_sent else "pending", "next_at": at, "tries": row["tries"] + 1, "error": said}
    return End(values, forget=error.restart)


def _pause(error: PlatformError, tries: int) -> float:
    """Seconds until the next try: what the platform asked for, else exponential with jitter."""
    if error.retry_after is not None:
        return max(error.retry_after, 0.05)
    return min(MAX_PAUSE, FIRST_PAUSE * 2.0**tries) * random.uniform(0.75, 1.25)


def _final(error: dict[str, Any], forget: bool = False) -> End:
    return End({"status": "failed", "next_at": None, "error": error}, forget=forget)


def _unreachable(broker: Broker, raised: Exception) -> PlatformError:
    return PlatformError(
        f"{broker.title} could not be reached or did not answer properly ({raised}).", kind="transient",
        broker_code="PLATFORM_ERROR",
    )  # fmt: skip


def _from_platform(error: PlatformError) -> dict[str, Any]:
    hint = error.hint or (LATER if error.kind in RETRYABLE else READ)
    return _error(error.code, error.message, hint, error.kind in RETRYABLE, error.broker_code)


def _error(code: str, message: str, hint: str | None, retryable: bool, broker_code: str | None) -> dict[str, Any]:
    return {"code": code, "brokerCode": broker_code, "message": message, "hint": hint, "retryable": retryable}


async def _account(app: App, work: journal.Work) -> Account:
    if work.account is None or work.account.status == "revoked":
        raise PlatformError(
            "The platform set has no connected account for this platform any more.", kind="config",
            code="PLATFORM_NOT_CONNECTED", broker_code="CONNECTION_NOT_FOUND",
            hint="Connect an account to the set (accounts_list shows what is connected), then call posts_retry.",
        )  # fmt: skip
    return await tokens.usable(app, work.account)


def _draft(app: App, work: journal.Work, broker: Broker, notes: list[str]) -> Draft:
    def note(text: str) -> None:
        if text not in notes:
            notes.append(text)

    return checking.publishable_draft(
        app, work.post, broker,
        lambda item: media.source_for(app, work.post["user_id"], work.post["id"], item, broker.accepts, note),
    )  # fmt: skip


def _check_again(app: App, work: journal.Work) -> None:
    """The platform's rules once more, when publishing starts: they may have changed since the post was accepted."""
    faults = checking.platform_faults(app, work.post, work.platform_post["platform"], publishing=True)
    if faults:
        code, hint = faults[0]["code"], faults[0].get("hint")
        raise PlatformError(faults[0]["message"], kind="content", code=code, broker_code=None, hint=hint)


def _report(claim: Claim, end: End) -> None:
    error, status = end.values.get("error") or {}, str(end.values["status"])
    metrics.OUTCOMES.labels(claim.platform, status, error.get("code") or "").inc()
    log.info(
        f"post.{status}", platform=claim.platform, post=claim.post_id, attempt=claim.attempt,
        code=error.get("code"), broker_code=error.get("brokerCode"), retryable=error.get("retryable"),
    )  # fmt: skip
