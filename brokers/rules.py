"""What is wrong with a draft for a platform: one table of pure rules, and every finding at once."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

from pydantic import ValidationError

from brokers import media_rules
from brokers.accepts import Accepts, Case, Kind, Limits, Placement, Problem, Rule, TextLimit
from brokers.base import Draft
from brokers.platform_settings import PlatformSettings, settings_of

__all__ = [
    "Accepts",
    "Case",
    "Kind",
    "Limits",
    "Placement",
    "PlatformSettings",
    "Problem",
    "Rule",
    "TextLimit",
    "problems",
    "read_settings",
    "settings_of",
]


def problems(
    draft: Draft,
    accepts: Accepts,
    *,
    schedule_all: bool = False,
    now: datetime | None = None,
    text_field: str = "content.text",
) -> list[Problem]:
    """Every rule that the draft breaks on one platform, in the order of the table; empty when it may go out.

    `schedule_all` lets every platform schedule (`AMPOST_SCHEDULING=all`). `text_field` is
    `platformOverrides.<platform>.text` where the draft's text comes from there. `now` must know its time zone.
    """
    case = Case(draft, accepts, now or datetime.now(UTC), schedule_all, text_field)
    return [problem for rule in (*RULES, *accepts.rules) for problem in rule(case)]


def says_something(case: Case) -> Iterator[Problem]:
    draft = case.draft
    if not draft.media and not draft.link_url and not draft.text.strip():
        yield case.problem(
            "VALIDATION_FAILED",
            case.text_field,
            "The post has neither text nor media nor a link.",
            hint="Set content.text, content.media or content.linkUrl.",
        )


def texts_fit(case: Case) -> Iterator[Problem]:
    for row in case.accepts.texts:
        actual = row.count((row.of or case.accepts.compose)(case.draft))
        if actual > row.limit:
            field = case.setting(row.setting) if row.setting else case.text_field
            override = f"platformOverrides.{case.accepts.platform}.{row.instead}"
            way_out = f"Shorten {field}" + ("" if row.setting or field == override else f" or set {override}")
            yield case.problem(
                "CONTENT_TOO_LONG",
                field,
                f"{case.accepts.title} takes a {row.name} of {row.limit:,} {row.unit}; this one has {actual:,}.",
                limit=row.limit,
                actual=actual,
                hint=f"{way_out}.",
            )


def schedules(case: Case) -> Iterator[Problem]:
    if case.draft.scheduled_for and not (case.accepts.schedules or case.schedule_all):
        yield case.problem(
            "VALIDATION_FAILED",
            "scheduledFor",
            f"{case.accepts.title} posts cannot be scheduled.",
            hint="Leave scheduledFor out and call posts_publish when it is time, or take "
            f"{case.accepts.platform} out of platforms.",
        )


def takes_link(case: Case) -> Iterator[Problem]:
    if case.draft.link_url and not case.accepts.link:
        yield case.problem(
            "VALIDATION_FAILED",
            "content.linkUrl",
            f"{case.accepts.title} posts have no link.",
            hint="Remove content.linkUrl and write the address in the text "
            f"(platformOverrides.{case.accepts.platform}.text for {case.accepts.title} alone).",
        )


def gates_are_closed(case: Case) -> Iterator[Problem]:
    given = case.draft.settings.model_dump(exclude_none=True) if case.draft.settings else {}
    for name, reason in case.accepts.gated.items():
        if name in given:
            wire = case.accepts.settings.model_fields[name].alias or name
            yield case.problem("VALIDATION_FAILED", case.setting(wire), reason, hint=f"Remove settings.{wire}.")


RULES: tuple[Rule, ...] = (says_something, texts_fit, schedules, takes_link, gates_are_closed, *media_rules.RULES)

#: Settings whose faults have a code of their own.
CODES = {"placement": "INVALID_PLACEMENT"}


def read_settings(accepts: Accepts, raw: dict[str, Any] | None) -> tuple[PlatformSettings | None, list[Problem]]:
    """The typed settings of a platform (defaults when `raw` is None), or None and every fault of their shape."""
    try:
        return accepts.settings.model_validate({} if raw is None else raw), []
    except ValidationError as error:
        return None, [_setting_problem(accepts, fault) for fault in error.errors(include_url=False)]


def _setting_problem(accepts: Accepts, fault: Any) -> Problem:
    known = [info.alias or name for name, info in accepts.settings.model_fields.items()]
    path = [str(part).encode("ascii", "backslashreplace").decode()[:64] for part in fault["loc"]]
    place = f"platformOverrides.{accepts.platform}.settings"
    name = path[0] if path else ""
    is_known = name in known
    return Problem(
        CODES.get(name, "VALIDATION_FAILED") if is_known else "VALIDATION_FAILED",
        ".".join([place, *(path if is_known else path[:1])]),
        _say(name, fault) if is_known else f"{accepts.title} has no setting {name or 'of this shape'}.",
        accepts.platform,
        hint=f"Correct or remove settings.{name}." if is_known else f"Settings are: {', '.join(known)}.",
    )


def _say(name: str, fault: Any) -> str:
    message = str(fault["msg"]).removeprefix("Value error, ").removeprefix("Input ")
    return f"{name} {message}."
