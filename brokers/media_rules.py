"""The common rules about media: what kinds, how many, how large, and whether they fit the placement."""

from __future__ import annotations

from collections.abc import Iterator

from brokers.accepts import Accepts, Case, Limits, Problem, Rule
from brokers.base import Media, MediaKind

#: Names of MIME types that are in use for the same thing.
SAME = {"image/jpg": "image/jpeg", "image/pjpeg": "image/jpeg", "video/mov": "video/quicktime"}
Overrun = tuple[str, str, float, float]
NAMES: dict[MediaKind, str] = {"image": "image", "gif": "GIF", "video": "video"}


def mime_type(item: Media) -> str | None:
    """The item's MIME type in its usual spelling, None when it is not given or only guessed."""
    if not item.mime_type or not item.explicit:
        return None
    name = item.mime_type.split(";")[0].strip().lower()
    return SAME.get(name, name)


def is_bare(case: Case, item: Media) -> bool:
    return not item.explicit and item.kind in case.accepts.explicit_media


def is_mixed(case: Case) -> bool:
    """Video beside something else, or several kinds that the platform takes one at a time."""
    kinds = {item.kind for item in case.draft.media if not is_bare(case, item)}
    return not case.accepts.mixes and len(kinds) > 1 and ("video" in kinds or kinds <= case.accepts.kinds.keys())


def is_counted_by_placement(case: Case) -> bool:
    row = case.accepts.placements.get(case.accepts.named_placement(case.draft) or "")
    return row is not None and row.most is not None


def say_kinds(accepts: Accepts) -> str:
    """Such as "up to 4 images or 1 GIF or 1 video", "1 to 10 images and videos"."""
    if accepts.most_media is not None:
        return f"1 to {accepts.most_media} {' and '.join(NAMES[name] + 's' for name in accepts.kinds)}"
    counts = ((kind.most, NAMES[name]) for name, kind in accepts.kinds.items())
    return " or ".join(f"1 {name}" if most == 1 else f"up to {most} {name}s" for most, name in counts)


def say_number(number: float) -> str:
    return f"{number:,}" if isinstance(number, int) else f"{number:,.4f}".rstrip("0").rstrip(".")


def has_media(case: Case) -> Iterator[Problem]:
    draft = case.draft
    if not case.accepts.text_only and not draft.media and (draft.text.strip() or draft.link_url):
        yield case.problem(
            "UNSUPPORTED_MEDIA_CONFIG",
            "content.media",
            f"{case.accepts.title} takes no post without media.",
            limit=1,
            actual=0,
            hint=f"Add {say_kinds(case.accepts)} to content.media, or take {case.accepts.platform} out of platforms.",
        )


def is_explicit(case: Case) -> Iterator[Problem]:
    for index, item in enumerate(case.draft.media):
        if is_bare(case, item):
            yield case.problem(
                "UNSUPPORTED_MEDIA_CONFIG",
                f"content.media.{index}",
                f"{case.accepts.title} needs typed media, not a bare URL in mediaUrls.",
                hint="Use media: [{url, type, mimeType, sizeBytes, durationSeconds}] instead of mediaUrls.",
            )


def is_not_mixed(case: Case) -> Iterator[Problem]:
    if is_mixed(case) and not is_counted_by_placement(case):
        yield case.problem(
            "MIXED_MEDIA_NOT_SUPPORTED",
            "content.media",
            f"{case.accepts.title} takes one kind of media in a post, not several.",
            hint=f"Send {say_kinds(case.accepts)}.",
        )


def kinds_are_taken(case: Case) -> Iterator[Problem]:
    if is_mixed(case):
        return
    for index, item in enumerate(case.draft.media):
        if item.kind not in case.accepts.kinds and not is_bare(case, item):
            yield case.problem(
                "UNSUPPORTED_MEDIA_TYPE",
                f"content.media.{index}.type",
                f"{case.accepts.title} takes no {NAMES[item.kind]}.",
                hint=f"Send {say_kinds(case.accepts)}.",
            )


def mime_types_are_taken(case: Case) -> Iterator[Problem]:
    for index, item in enumerate(case.draft.media):
        found, kind = mime_type(item), case.accepts.kinds.get(item.kind)
        if found and kind and case.accepts.converts.get(found, found) not in kind.mime_types:
            taken = [*kind.mime_types, *(m for m, to in case.accepts.converts.items() if to in kind.mime_types)]
            yield case.problem(
                "UNSUPPORTED_MEDIA_TYPE",
                f"content.media.{index}.mimeType",
                f"{case.accepts.title} takes no {found[:100]} as {NAMES[item.kind]}.",
                hint=f"Send {', '.join(taken)}"
                + (", and give a GIF the type gif." if found == "image/gif" and "gif" in case.accepts.kinds else "."),
            )


def counts_fit(case: Case) -> Iterator[Problem]:
    if is_mixed(case) or is_counted_by_placement(case):
        return
    counts = [
        (sum(item.kind == name for item in case.draft.media), kind.most, NAMES[name]) for name, kind in case.accepts.kinds.items()
    ]
    if case.accepts.most_media is not None:
        counts = [(len(case.draft.media), case.accepts.most_media, "media item")]
    for actual, limit, name in counts:
        if actual > limit:
            yield case.problem(
                "UNSUPPORTED_MEDIA_CONFIG",
                "content.media",
                f"{case.accepts.title} takes {limit} {name}{'s' if limit > 1 else ''} in a post, this has {actual}.",
                limit=limit,
                actual=actual,
                hint=f"Remove {actual - limit} from content.media.",
            )


def _measure(item: Media, limits: Limits) -> Iterator[Overrun]:
    """(field, what is wrong, limit, actual) of everything that the item's metadata say beyond the limits."""
    if limits.max_bytes is not None and (item.size_bytes or 0) > limits.max_bytes:
        yield "sizeBytes", "larger than", limits.max_bytes, item.size_bytes or 0
    if limits.seconds and item.duration_seconds is not None:
        least, most = limits.seconds
        if item.duration_seconds < least:
            yield "durationSeconds", "shorter than", least, item.duration_seconds
        if item.duration_seconds > most:
            yield "durationSeconds", "longer than", most, item.duration_seconds
    if item.width and item.height:
        yield from _measure_frame(item.width, item.height, limits)


def _measure_frame(width: int, height: int, limits: Limits) -> Iterator[Overrun]:
    if limits.ratio:
        narrowest, widest = limits.ratio
        ratio = round(width / height, 4)
        if ratio < narrowest:
            yield "width", "narrower (width / height) than", round(narrowest, 4), ratio
        if ratio > widest:
            yield "width", "wider (width / height) than", round(widest, 4), ratio
    if limits.max_pixels is not None and width * height > limits.max_pixels:
        yield "width", "larger (width x height) than", limits.max_pixels, width * height


UNITS = {"sizeBytes": "bytes", "durationSeconds": "seconds"}


def _overruns(case: Case, index: int, item: Media, limits: Limits, code: str, where: str) -> Iterator[Problem]:
    for name, fault, limit, actual in _measure(item, limits):
        if name == "sizeBytes" and mime_type(item) in case.accepts.converts:
            continue  # the size that counts is the converted file's
        numbers = f"{say_number(actual)} against {say_number(limit)} {UNITS.get(name, '')}".rstrip()
        yield case.problem(
            code,
            f"content.media.{index}.{name}",
            f"This {NAMES[item.kind]} is {fault} {where}: {numbers}.",
            limit=limit,
            actual=actual,
            hint=f"Send a {NAMES[item.kind]} within the limit, or correct content.media.{index}.{name}.",
        )


def items_fit(case: Case) -> Iterator[Problem]:
    for index, item in enumerate(case.draft.media):
        if kind := case.accepts.kinds.get(item.kind):
            yield from _overruns(case, index, item, kind.limits, "UNSUPPORTED_MEDIA_CONFIG", f"{case.accepts.title} takes")


def placement_fits(case: Case) -> Iterator[Problem]:
    named = case.accepts.named_placement(case.draft)
    name = named or case.accepts.infer(case.draft)
    row = case.accepts.placements.get(name or "")
    if row is None or (not case.draft.media and not case.accepts.text_only):
        return
    code = "INVALID_PLACEMENT" if named else "UNSUPPORTED_MEDIA_CONFIG"
    if named and row.most is not None:
        yield from _placement_counts(case, named)
    for index, item in enumerate(case.draft.media):
        if limits := row.kinds.get(item.kind):
            yield from _overruns(case, index, item, limits, code, f"{case.accepts.title} takes as {name}")


def _placement_counts(case: Case, name: str) -> Iterator[Problem]:
    row, actual = case.accepts.placements[name], len(case.draft.media)
    wrong = [item for item in case.draft.media if item.kind not in row.kinds and item.kind in case.accepts.kinds]
    kinds = " or ".join(NAMES[kind] for kind in row.kinds)
    number = f"exactly one {kinds}" if row.most == 1 else f"{row.least} to {row.most} items, each {kinds}"
    if wrong or not row.least <= actual <= (row.most or actual):
        yield case.problem(
            "INVALID_PLACEMENT",
            case.setting("placement"),
            f"The {case.accepts.title} placement {name} takes {number}.",
            limit=row.least if actual < row.least else row.most,
            actual=actual,
            hint=f"Change content.media, or choose another of: {', '.join(case.accepts.placements)}.",
        )


def alt_texts_fit(case: Case) -> Iterator[Problem]:
    limit = case.accepts.alt_text
    for index, item in enumerate(case.draft.media):
        actual = len(item.alt_text or "")
        if limit is not None and actual > limit and item.kind in case.accepts.alt_text_kinds:
            yield case.problem(
                "CONTENT_TOO_LONG",
                f"content.media.{index}.altText",
                f"{case.accepts.title} takes {limit} characters of alt text, this has {actual}.",
                limit=limit,
                actual=actual,
                hint=f"Shorten content.media.{index}.altText.",
            )


RULES: tuple[Rule, ...] = (
    has_media,
    is_explicit,
    is_not_mixed,
    kinds_are_taken,
    mime_types_are_taken,
    counts_fit,
    items_fit,
    placement_fits,
    alt_texts_fit,
)
