"""What the simulated Instagram lets into a container, and what it thinks of the media that it fetched."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

from brokers.sandbox.graph import only, refuse
from brokers.sandbox.world import World

#: The parameters of each kind of container, besides the media's URL.
TAKES = {
    "IMAGE": {"image_url", "caption", "alt_text"},
    "ITEM": {"image_url", "video_url", "media_type", "alt_text", "is_carousel_item"},
    "REELS": {"video_url", "media_type", "caption", "share_to_feed", "cover_url", "thumb_offset"},
    "STORIES": {"image_url", "video_url", "media_type"},
    "CAROUSEL": {"media_type", "children", "caption"},
}
MAX_IMAGE = 8 * 1024 * 1024
JPEG, FTYP = "ffd8ff", "66747970"


def kind_of(given: Mapping[str, str]) -> str:
    if given.get("is_carousel_item") == "true":
        return "ITEM"
    return given.get("media_type", "IMAGE")


def check(given: Mapping[str, str]) -> None:
    """Refuses what Instagram would: an unknown kind or parameter, no media, a caption beyond the limits."""
    kind = kind_of(given)
    if kind not in TAKES or (kind == "ITEM" and given.get("media_type", "VIDEO") != "VIDEO"):
        refuse(100, "The media type is unknown", subcode=2207023)
    only(given, TAKES[kind])
    sources = [name for name in ("image_url", "video_url", "children") if given.get(name)]
    if len(sources) != 1 or ("media_type" in given and kind == "ITEM") != (kind == "ITEM" and "video_url" in given):
        refuse(100, "(#100) Exactly one of image_url and video_url, with its media type, is required")
    caption = given.get("caption", "")
    if len(caption) > 2200 or len(re.findall(r"#\w", caption)) > 30 or len(re.findall(r"@\w", caption)) > 20:
        refuse(36004, "The caption is too long", subcode=2207010)
    if len(given.get("alt_text", "")) > 1000 or ("alt_text" in given and "video_url" in given):
        refuse(100, "(#100) alt_text is for images and has at most 1000 characters")
    if given.get("share_to_feed", "true") not in ("true", "false"):
        refuse(100, "(#100) share_to_feed must be a boolean")


def children_of(objects: Mapping[str, Any], who: str, listed: str) -> list[dict[str, Any]]:
    ids = list(map(str, json.loads(listed))) if listed.startswith("[") else listed.split(",")
    if not 2 <= len(ids) <= 10 or len(set(ids)) != len(ids):
        refuse(100, "A carousel has 2 to 10 items", subcode=2207028)
    children = [objects.get(each, {}) for each in ids]
    if any(child.get("owner") != who or child.get("kind") != "ITEM" for child in children):
        refuse(100, "(#100) Every child must be a carousel item container of this account.")
    return children


async def take_in(world: World, given: Mapping[str, str]) -> tuple[list[dict[str, Any]], str | None]:
    """The fetched media, and the subcode of what is wrong with a video; what is wrong with an image is said at once."""
    fetched = await world.fetch(given.get("image_url") or given["video_url"])
    if "image_url" in given:
        verdict = None
        _check_image(fetched)
    else:
        verdict = "2207003" if fetched is None else None if fetched["head"].startswith(FTYP, 8) else "2207026"
    seen = fetched or {}
    item = {name: seen.get(name) for name in ("sha256", "size", "mimeType")} | {"altText": given.get("alt_text")}
    return [item], verdict


def _check_image(fetched: dict[str, Any] | None) -> None:
    if fetched is None:
        refuse(9004, "The media could not be fetched from this URI", subcode=2207052)
    if fetched["size"] > MAX_IMAGE:
        refuse(36000, "The image is too large", subcode=2207004)
    if not fetched["head"].startswith(JPEG):
        refuse(36001, "The image format is not supported", subcode=2207005)
