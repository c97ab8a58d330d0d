"""The words in which a platform says what it accepts: a table of limits that `brokers.rules` reads."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime

from brokers.base import Draft, MediaKind
from brokers.platform_settings import PlatformSettings


@dataclass(frozen=True)
class Problem:
    """One finding about a draft. `field` is a path in the caller's own request, `code` the product's error code."""

    code: str
    field: str
    message: str
    platform: str | None = None
    limit: float | None = None
    actual: float | None = None
    hint: str | None = None


@dataclass(frozen=True)
class TextLimit:
    """One text that a post carries, and how long it may be in the platform's own counting.

    `of` answers the text as sent (default: `Accepts.compose`); `setting` is the wire name of the setting that it comes
    from, None for the post's text. `instead` is the override that frees the post's text
    from this limit.
    """

    name: str
    limit: int
    count: Callable[[str], int] = len
    unit: str = "characters"
    of: Callable[[Draft], str] | None = None
    setting: str | None = None
    instead: str = "text"


@dataclass(frozen=True)
class Limits:
    """What is checked on an item whose metadata say it. `ratio` is width / height; ranges include both ends."""

    max_bytes: int | None = None
    seconds: tuple[float, float] | None = None
    ratio: tuple[float, float] | None = None
    max_pixels: int | None = None


@dataclass(frozen=True)
class Kind:
    """A kind of media that the platform takes: the MIME types it is sent as, and how many in one post."""

    mime_types: tuple[str, ...]
    most: int
    limits: Limits = Limits()


@dataclass(frozen=True)
class Placement:
    """Where on the platform a post appears. `most` None: as many as the platform takes otherwise.

    `shows_text` False: the platform shows neither text nor link there, so neither is sent.
    """

    kinds: Mapping[MediaKind, Limits]
    most: int | None = None
    least: int = 1
    shows_text: bool = True


@dataclass(frozen=True)
class Accepts:
    """Everything that one platform takes.

    compose         the text that is really sent (link appended where the platform has no field for it). Brokers send
                    `ACCEPTS.compose(draft)`, never `draft.text`, so that what was counted is what goes out.
    schedules       whether the product schedules there at launch; `schedule_all` overrides it.
    explicit_media  kinds that need a typed media object; a bare `mediaUrls` entry is refused.
    mixes           whether one post may hold items of several kinds; `most_media` then bounds them together.
    infer           the placement when the caller names none.
    converts        MIME types that are taken and become another before they are sent.
    alt_text        longest alt text; None where the platform has no place for one (it is then left out: alt text
                    describes the item, it is no part of the post), and `alt_text_kinds` the kinds that carry it.
    link            whether `linkUrl` arrives (as a field or within `compose`); otherwise it is refused.
    gated           settings that exist for later and are refused today: attribute -> what to say.
    rules           the platform's own rules, after the common ones.
    source, read    the platform's page and the day it was read; single limits that come from elsewhere say so.
    """

    platform: str
    title: str
    source: str
    read: date
    texts: tuple[TextLimit, ...]
    kinds: Mapping[MediaKind, Kind]
    settings: type[PlatformSettings]
    text_only: bool
    schedules: bool
    compose: Callable[[Draft], str] = lambda draft: draft.text
    explicit_media: frozenset[MediaKind] = frozenset()
    mixes: bool = False
    most_media: int | None = None
    placements: Mapping[str, Placement] = field(default_factory=dict)
    infer: Callable[[Draft], str | None] = lambda draft: None
    converts: Mapping[str, str] = field(default_factory=dict)
    alt_text: int | None = None
    alt_text_kinds: frozenset[MediaKind] = frozenset({"image", "gif", "video"})
    link: bool = True
    gated: Mapping[str, str] = field(default_factory=dict)
    rules: tuple[Rule, ...] = ()

    def named_placement(self, draft: Draft) -> str | None:
        """The placement that the caller chose, None when the platform has none or none was chosen."""
        return (draft.settings.model_dump().get("placement") if draft.settings else None) or None

    def placement(self, draft: Draft) -> str | None:
        """Where the post goes: the caller's choice, else what the media suggest."""
        return self.named_placement(draft) or self.infer(draft)


@dataclass(frozen=True)
class Case:
    """A draft before a platform's rules. `text_field` names where the caller gave the text."""

    draft: Draft
    accepts: Accepts
    now: datetime
    schedule_all: bool = False
    text_field: str = "content.text"

    def setting(self, name: str) -> str:
        return f"platformOverrides.{self.accepts.platform}.settings.{name}"

    def problem(
        self,
        code: str,
        field: str,
        message: str,
        *,
        limit: float | None = None,
        actual: float | None = None,
        hint: str | None = None,
    ) -> Problem:
        return Problem(code, field, message, self.accepts.platform, limit, actual, hint)


Rule = Callable[[Case], Iterable[Problem]]
