"""Drafts for the rules' tables, and every platform's `ACCEPTS`."""

from __future__ import annotations

from datetime import UTC, datetime
from importlib import import_module
from typing import Any

from brokers.base import Draft, Media
from brokers.rules import Accepts, Problem, problems, read_settings

PLATFORMS = ("facebook", "instagram", "linkedin", "threads", "tiktok", "twitter", "youtube")
ACCEPTS: dict[str, Accepts] = {name: import_module(f"brokers.{name}.accepts").ACCEPTS for name in PLATFORMS}
NOW = datetime(2026, 12, 1, 12, tzinfo=UTC)
LINK = "https://example.com/page"


def image(**fields: Any) -> Media:
    return Media("image", "https://cdn.example.com/a.jpg", **{"mime_type": "image/jpeg", **fields})


def gif(**fields: Any) -> Media:
    return Media("gif", "https://cdn.example.com/a.gif", **{"mime_type": "image/gif", **fields})


def video(**fields: Any) -> Media:
    return Media("video", "https://cdn.example.com/a.mp4", **{"mime_type": "video/mp4", **fields})


def draft(platform: str, text: str = "Hello", *media: Media, settings: dict[str, Any] | None = None, **fields: Any) -> Draft:
    typed, faults = read_settings(ACCEPTS[platform], settings)
    assert not faults, faults
    return Draft(text, media, settings=typed, **fields)


def found(platform: str, asked: Draft, **options: Any) -> list[Problem]:
    return problems(asked, ACCEPTS[platform], **{"now": NOW, **options})
