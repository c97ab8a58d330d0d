"""What a user knows of their posts: a small model that says which calls are accepted, and what must hold at every instant."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import InitVar, dataclass, field
from datetime import datetime, timedelta
from typing import Any

from tests.model.platforms import Effect
from tests.model.world import GRACE, LANES

Row = Mapping[str, Any]

UNKNOWN = "PUBLISH_OUTCOME_UNKNOWN"
RUNNING = {"uploading", "processing", "publishing"}
PARTS_FINAL = {"published", "failed", "cancelled"}
POST_FINAL = {"published", "partial", "failed", "discarded"}
UNDER_WAY = {"queued", "posting"}
#: What a post may become by itself, between two looks at it.
BY_ITSELF = {
    "draft": {"draft"},
    "scheduled": {"scheduled", "queued", "posting", "published", "partial", "failed"},
    "queued": {"queued", "posting", "published", "partial", "failed"},
    "posting": {"posting", "published", "partial", "failed"},
    **{status: {status} for status in POST_FINAL},
}
#: Call -> the statuses that it is accepted in.
ACCEPTED = {
    "posts_update": {"draft", "scheduled"},
    "posts_publish": {"draft", "scheduled"},
    "posts_delete": {"draft", "scheduled", "queued", "partial", "failed"},
    "posts_retry": {"partial", "failed"},
}


@dataclass
class Part:
    """A platform post. `allowed` is how often it may be on the platform: once, and once more each time that somebody took
    the risk. `asked`: somebody wanted it now, so its schedule does not matter any more. `begun`: claimed before."""

    allowed: int = 1
    begun: bool = False
    asked: bool = False
    is_operators: bool = False


@dataclass
class Known:
    """A post as its author wrote it; the last of `texts` is the one that counts."""

    id: str
    first_text: InitVar[str]
    scheduled_for: datetime | None
    parts: dict[str, Part]
    texts: list[str] = field(default_factory=list)

    def __post_init__(self, first_text: str) -> None:
        self.texts.append(first_text)


def code_of(part: Row) -> str | None:
    return (part["error"] or {}).get("code")


def retried(status: str, parts: Mapping[str, Row], named: list[str], acknowledged: bool) -> set[str] | None:
    """Which platforms a retry tries again; None when it is refused."""
    if status not in ACCEPTED["posts_retry"] or any(name not in parts or parts[name]["status"] != "failed" for name in named):
        return None
    failed = {name for name, part in parts.items() if part["status"] == "failed"}
    unknown = {name for name in failed if code_of(parts[name]) == UNKNOWN}
    if named and unknown & set(named) and not acknowledged:
        return None
    chosen = set(named) if named else failed - unknown
    return chosen or None


# -- what must hold ------------------------------------------------------------------------------------------------


def wrong_claim(known: Known, claim: Any, now: datetime, earlier: Sequence[Row]) -> Iterator[str]:
    """`earlier` are the platform posts that were due before it in its lane, and are not held."""
    part = known.parts[claim.platform]
    if claim.due_at > now:
        yield "claimed before it was due"
    if earlier:
        yield "overtook another in its lane"
    if not part.begun and not part.asked:
        if claim.due_at != known.scheduled_for:
            yield "claimed at another time than it was scheduled for"
        elif now - claim.due_at > timedelta(seconds=GRACE):
            yield "went out later than the grace allows"
    part.begun = True


def wrong_parts(known: Known, post: Row, parts: Sequence[Row], effects: Sequence[Effect]) -> Iterator[str]:
    """A post and its platform posts as stored, against what was asked for and what the platforms show."""
    if {part["platform"] for part in parts} != set(known.parts):
        yield "has other platforms than were asked for"
        return
    if post["status"] not in statuses_of(parts) | ({"discarded"} if post["status"] == "discarded" else set()):
        yield f"is {post['status']}, which does not follow from its platforms"
    if any(effect.text != known.texts[-1] for effect in effects):
        yield "was published with another text than was written"
    for part in parts:
        mine = [effect for effect in effects if (effect.platform, effect.account_id) == (part["platform"], part["account_id"])]
        for complaint in wrong_part(known.parts[part["platform"]], post["status"], part, mine):
            yield f"{part['platform']} {complaint}"
    accounts = {part["account_id"] for part in parts}
    if any(effect.account_id not in accounts for effect in effects):
        yield "is on an account that it was not for"


def wrong_part(part: Part, post_status: str, row: Row, effects: Sequence[Effect]) -> Iterator[str]:
    status, waits = row["status"], row["next_at"] is not None
    if len(effects) > part.allowed:
        yield f"published {len(effects)} times"
    if row["attempts"] == 0 and effects:
        yield "published before its first attempt"
    if status == "published":
        if not part.is_operators and row["remote_id"] not in {effect.id for effect in effects}:
            yield "claims to be published, and the platform does not have it"
    elif status not in RUNNING and code_of(row) != UNKNOWN and len(effects) >= part.allowed:
        yield f"is {status} ({code_of(row)}), and is published"
    if row["owner"] is None and not waits and status not in PARTS_FINAL and post_status != "draft":
        yield "is lost: nobody holds it, and nobody will look at it again"
    if waits and (row["owner"] is not None or status in PARTS_FINAL or post_status in POST_FINAL | {"draft"}):
        yield f"is {status} in a post that is {post_status}, and waits for a publisher"
    if row["owner"] is not None and status not in RUNNING:
        yield f"is {status} and held"
    if status == "cancelled" and post_status != "discarded":
        yield "is cancelled in a post that is not"


def statuses_of(parts: Sequence[Row]) -> set[str]:
    """The statuses that a post may have whose platform posts are these. A discarded post may have any that are final."""
    states = {part["status"] for part in parts}
    if states <= {"published"}:
        return {"published"}
    if states <= {"published", "failed"}:
        return {"partial"} if "published" in states else {"failed"}
    if states <= PARTS_FINAL:
        return {"discarded"}
    if all(part["status"] == "pending" and part["tries"] == 0 for part in parts):
        return {"draft", "scheduled", "queued"} if not any(part["attempts"] for part in parts) else {"queued"}
    return {"posting"}


def wrong_change(before: Row, after: Row) -> Iterator[str]:
    """A post that nobody called for between two looks."""
    if after["status"] not in BY_ITSELF[before["status"]]:
        yield f"went from {before['status']} to {after['status']}"


def wrong_part_change(before: Row, after: Row) -> Iterator[str]:
    if before["status"] in PARTS_FINAL and any(before[name] != after[name] for name in ("status", "remote_id", "error")):
        yield f"{before['platform']} went from {before['status']} to {after['status']} when it had ended"
    if after["attempts"] < before["attempts"] or after["fence"] < before["fence"]:
        yield f"{before['platform']} counts backwards"


def wrong_lanes(parts: Sequence[Row]) -> Iterator[str]:
    held = [part for part in parts if part["owner"] is not None]
    for platform, lanes in LANES.items():
        if sum(part["platform"] == platform for part in held) > lanes:
            yield f"more than {lanes} at once on {platform}"
    if len({part["account_id"] for part in held}) != len(held):
        yield "two at once on one account"
