"""What a request makes of a post: arguments become the stored columns."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from ampost_mcp.schemas import Content, ContentPatch, PostCreate, PostUpdate
from storage.post_lists import search_text

VIDEOS = (".mp4", ".mov", ".m4v", ".webm", ".avi", ".mkv")

Columns = dict[str, Any]


def created(args: PostCreate) -> Columns:
    """The columns of a new post that come from the caller."""
    content = args.content
    columns: Columns = {
        "platform_set_id": args.platform_set_id, "text": content.text, "media": media_of(content),
        "link_url": content.link_url, "overrides": overrides_of(content), "platforms": args.platforms or [],
        "scheduled_for": args.scheduled_for,
    }  # fmt: skip
    return _complete(columns)


def edited(post: Mapping[str, Any], args: PostUpdate) -> Columns:
    """The stored post with what was given in place of what was there."""
    given, content = args.model_fields_set, args.content or ContentPatch()
    changes: Columns = {
        "platform_set_id": args.platform_set_id, "platforms": args.platforms or [], "scheduled_for": args.scheduled_for,
    }  # fmt: skip
    columns = dict(post) | {name: value for name, value in changes.items() if name in given}
    for name in content.model_fields_set & {"text", "link_url"}:
        columns[name] = getattr(content, name)
    if content.model_fields_set & {"media", "media_urls"}:
        columns["media"] = media_of(content)
    if "platform_overrides" in content.model_fields_set:
        columns["overrides"] = overrides_of(content)
    return _complete(columns)


def is_empty(args: PostUpdate) -> bool:
    """Whether an edit changes nothing."""
    return not (args.model_fields_set - {"post_id", "content"}) and not (args.content and args.content.model_fields_set)


def _complete(columns: Columns) -> Columns:
    return columns | {
        "status": "scheduled" if columns["scheduled_for"] else "draft",
        "search": search_text(columns["text"], columns["overrides"]),
    }


def media_of(content: Content | ContentPatch) -> list[dict[str, Any]]:
    """The items as they were given; a bare URL becomes an item whose type is guessed, and which says so."""
    typed = [item.model_dump(by_alias=True, exclude_unset=True) for item in content.media or ()]
    named = {item["url"] for item in typed}
    bare = [url for url in content.media_urls or () if url not in named]
    return [*typed, *({"type": kind_of(url), "url": url, "explicit": False} for url in bare)]


def kind_of(url: str) -> str:
    """The kind of media that a URL's extension suggests."""
    path = urlsplit(url).path.lower()
    return "video" if path.endswith(VIDEOS) else "gif" if path.endswith(".gif") else "image"


def overrides_of(content: Content | ContentPatch) -> dict[str, Any]:
    given = content.platform_overrides or {}
    return {platform: override.model_dump(by_alias=True, exclude_unset=True) for platform, override in given.items()}
