"""What is wrong with a post: the platforms' rules, its schedule, its media's addresses, its set and accounts.

`post` is always the stored form: a mapping with the columns of `storage.tables.Post`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, replace
from datetime import datetime
from typing import Any
from urllib.parse import urlsplit

from sqlmodel import Session

from ampost_mcp.context import App
from ampost_mcp.schemas import PostCreate, PostUpdate
from ampost_mcp.services import addresses, composing
from brokers.accepts import Accepts, Problem
from brokers.base import Broker, Draft, Media, MediaSource
from brokers.platform_settings import PlatformSettings
from brokers.rules import problems, read_settings
from storage import accounts, media_files, platform_sets, posts

Fault = dict[str, Any]
Post = Mapping[str, Any]

YEARS_AHEAD = 5
_UPLOAD = re.compile(r"/media/([\w-]+)/[^/]+")


def draft_for(app: App, post: Post, platform: str, *, publishing: bool = False) -> Draft:
    """What one platform is asked to publish: its own text when it has one, typed settings. A draft that is about to go
    out has no schedule any more."""
    override = post["overrides"].get(platform) or {}
    settings, _ = _settings(app.brokers[platform].accepts, override.get("settings"))
    text = override.get("text")
    return Draft(
        text=post["text"] if text is None else text,
        media=tuple(_media(item) for item in post["media"]),
        link_url=post["link_url"],
        settings=settings,
        scheduled_for=None if publishing else post["scheduled_for"],
    )


def publishable_draft(app: App, post: Post, broker: Broker, source: Callable[[Mapping[str, Any]], MediaSource]) -> Draft:
    """The draft with media that can be read; `source` answers where an item (wire names) comes from."""
    draft = draft_for(app, post, broker.key, publishing=True)
    media = tuple(
        replace(item, source=source(stored), thumbnail=_thumbnail(stored, source))
        for item, stored in zip(draft.media, post["media"], strict=True)
    )
    return replace(draft, media=media)


def _thumbnail(stored: Mapping[str, Any], source: Callable[[Mapping[str, Any]], MediaSource]) -> MediaSource | None:
    url = stored.get("thumbnailUrl")
    return source({"type": "image", "url": url}) if url else None


def _media(item: Mapping[str, Any]) -> Media:
    return Media(
        kind=item["type"], url=item["url"], filename=item.get("filename"), mime_type=item.get("mimeType"),
        size_bytes=item.get("sizeBytes"), width=item.get("width"), height=item.get("height"),
        duration_seconds=item.get("durationSeconds"), alt_text=item.get("altText"),
        thumbnail_url=item.get("thumbnailUrl"), explicit=item.get("explicit", True),
    )  # fmt: skip


def _settings(accepts: Accepts, raw: dict[str, Any] | None) -> tuple[PlatformSettings | None, list[Problem]]:
    """Settings and what is wrong with them; those that are wrong are left out, so that the others can be judged."""
    settings, found = read_settings(accepts, raw)
    if settings is None and raw:
        start = len(f"platformOverrides.{accepts.platform}.settings.")
        wrong = {problem.field[start:].split(".")[0] for problem in found}
        settings, _ = read_settings(accepts, {name: value for name, value in raw.items() if name not in wrong})
    return settings, found


# -- faults ----------------------------------------------------------------------------------------------------------


def platform_faults(app: App, post: Post, platform: str, *, publishing: bool = False) -> list[Fault]:
    """What a platform's rules say against the post."""
    override = post["overrides"].get(platform) or {}
    found = problems(
        draft_for(app, post, platform, publishing=publishing),
        app.brokers[platform].accepts,
        schedule_all=app.settings.scheduling == "all",
        now=app.clock(),
        text_field="content.text" if override.get("text") is None else f"platformOverrides.{platform}.text",
    )
    return [_fault(problem) for problem in found]


def content_faults(app: App, post: Post) -> list[Fault]:
    """What can be said without looking anything up: settings of all platforms that are named, rules of the selected."""
    found = [fault for platform in post["platforms"] for fault in platform_faults(app, post, platform)]
    for platform, override in post["overrides"].items():
        _, wrong = _settings(app.brokers[platform].accepts, override.get("settings"))
        found += [_fault(problem) for problem in wrong]
    if not post["platforms"]:
        found.append(
            fault("NO_PLATFORMS_SELECTED", "platforms", "No platform is selected.", "accounts_list shows the platforms.")
        )
    return found


def schedule_faults(now: datetime, at: datetime | None) -> list[Fault]:
    if at is None or now < at <= _years_after(now, YEARS_AHEAD):
        return []
    wrong = "is not in the future" if at <= now else f"is more than {YEARS_AHEAD} years ahead"
    hint = "Choose a later time, or leave scheduledFor out and call posts_publish." if at <= now else "Choose an earlier time."
    return [fault("VALIDATION_FAILED", "scheduledFor", f"scheduledFor {wrong}.", hint)]


def _years_after(now: datetime, years: int) -> datetime:
    try:
        return now.replace(year=now.year + years)
    except ValueError:  # 29 February
        return now.replace(year=now.year + years, day=28)


def address_faults(session: Session, app: App, user_id: str, media: Iterable[Mapping[str, Any]]) -> list[Fault]:
    """Media whose URL is a literal address that the server does not fetch from; the user's own uploads are fine."""
    allow = addresses.allowed(app.settings.media_allow)
    return [
        fault(
            "VALIDATION_FAILED", f"content.media.{index}.{name}", "The URL is not on a public address.",
            "Put the file where the internet can reach it, or upload it with POST /api/posts.",
        )
        for index, item in enumerate(media)
        for name in ("url", "thumbnailUrl")
        if item.get(name) and addresses.names_private_address(item[name], allow)
        and not _is_own_upload(session, app, user_id, item[name])
    ]  # fmt: skip


def _is_own_upload(session: Session, app: App, user_id: str, url: str) -> bool:
    found = _UPLOAD.fullmatch(urlsplit(url).path)
    is_ours = url.startswith(f"{app.settings.address}/media/")
    return is_ours and found is not None and media_files.own(session, user_id, found[1]) is not None


def set_faults(session: Session, user_id: str, set_id: str | None) -> list[Fault]:
    if not set_id:
        return [fault("VALIDATION_FAILED", "platformSetId", "platformSetId is required.", "platform_sets_list shows yours.")]
    if platform_sets.exists(session, user_id, set_id):
        return []
    return [fault("PLATFORM_SET_NOT_FOUND", "platformSetId", "No platform set has this id.", "platform_sets_list shows yours.")]


def connection_faults(platforms: Iterable[str], connected: Mapping[str, str]) -> list[Fault]:
    """Platforms for which the set has no active account."""
    return [
        fault(
            "PLATFORM_NOT_CONNECTED", "platforms", f"The platform set has no active {platform} account.",
            "accounts_list shows what is connected and what has expired; connect the account in the dashboard (/accounts), or "
            "choose another set.",
            platform,
        )
        for platform in platforms
        if platform not in connected
    ]  # fmt: skip


# -- together --------------------------------------------------------------------------------------------------------


def stored_faults(app: App, session: Session, post: Post, platforms: list[str] | None = None) -> list[Fault]:
    """What keeps a stored post from being published now, on these of its platforms."""
    chosen = post["platforms"] if platforms is None else platforms
    found = [fault for platform in chosen for fault in platform_faults(app, post, platform, publishing=True)]
    connected = accounts.in_set(session, post["user_id"], post["platform_set_id"], app.clock())
    return found + connection_faults(chosen, connected)


def rule_faults(session: Session, app: App, user_id: str, args: PostCreate | PostUpdate) -> list[Fault]:
    """Everything that is wrong with a post as it would become. Nothing is said of an edit of a post that is not there."""
    if isinstance(args, PostCreate):
        return all_faults(session, app, user_id, args, composing.created(args))
    found = posts.read(session, user_id, args.post_id)
    return all_faults(session, app, user_id, args, composing.edited(dict(found[0]._mapping), args)) if found else []


def all_faults(session: Session, app: App, user_id: str, args: PostCreate | PostUpdate, post: Post) -> list[Fault]:
    """The faults of `post`, which is what `args` make of it. What `args` leave as it was is taken as it is."""
    given, content = args.model_fields_set, args.content
    found = content_faults(app, post)
    if "scheduled_for" in given:
        found += schedule_faults(app.clock(), post["scheduled_for"])
    if content is not None and content.model_fields_set & {"media", "media_urls"}:
        found += address_faults(session, app, user_id, post["media"])
    if isinstance(args, PostCreate) or "platform_set_id" in given:
        found += set_faults(session, user_id, post["platform_set_id"])
    is_found = not any(fault["field"] == "platformSetId" for fault in found)
    if is_found and (isinstance(args, PostCreate) or given & {"platforms", "platform_set_id"}):
        connected = accounts.in_set(session, user_id, post["platform_set_id"], app.clock())
        found += connection_faults(post["platforms"], connected)
    return found


def together(of_shape: list[Fault], of_rules: list[Fault]) -> list[Fault]:
    """Both, without what the rules only say because a faulty field was left out."""
    wrong = [fault["field"].split(".") for fault in of_shape]

    def follows(fault: Fault) -> bool:
        path = fault["field"].split(".")
        return any(path[: len(other)] == other[: len(path)] for other in wrong)

    return of_shape + [fault for fault in of_rules if not follows(fault)]


def fault(code: str, field: str, message: str, hint: str | None = None, platform: str | None = None) -> Fault:
    found = {"code": code, "field": field, "message": message, "hint": hint, "platform": platform}
    return {name: value for name, value in found.items() if value is not None}


def _fault(problem: Problem) -> Fault:
    found = {name: value for name, value in asdict(problem).items() if value is not None}
    if problem.field.startswith("platformOverrides."):
        found["field"] = f"content.{problem.field}"
    return found
