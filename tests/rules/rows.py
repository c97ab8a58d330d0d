"""Rows of text and media: a draft that may go out, and one beside it that may not."""

from __future__ import annotations

from datetime import timedelta

import pytest

from tests.rules.drafts import LINK, NOW, draft, gif, image, video

CONFIG, TYPE, MIXED = "UNSUPPORTED_MEDIA_CONFIG", "UNSUPPORTED_MEDIA_TYPE", "MIXED_MEDIA_NOT_SUPPORTED"
PLACE, LONG, INVALID = "INVALID_PLACEMENT", "CONTENT_TOO_LONG", "VALIDATION_FAILED"
LATER = NOW + timedelta(days=1)
REEL = {"placement": "reel"}
STORY = {"placement": "story"}
TEXT, MEDIA = "content.text", "content.media"


def row(platform, good, bad, code, field):
    """`good` and `bad` are arguments of `draft` after the platform."""
    made = [draft(platform, *args[0], **args[1]) for args in (good, bad)]
    return pytest.param(platform, *made, code, _full(platform, field), id=f"{platform}-{code}-{field}")


def _full(platform, field):
    return field.replace("settings.", f"platformOverrides.{platform}.settings.")


def of(*args, **fields):
    return args, fields


def tall(**fields):
    return video(**{"width": 1080, "height": 1920, "duration_seconds": 30, **fields})


TEXT_ROWS = [
    row("twitter", of("é" * 280), of("é" * 281), LONG, TEXT),
    row("twitter", of("漢" * 140), of("漢" * 141), LONG, TEXT),
    row("twitter", of("a" * 256, link_url=LINK), of("a" * 257, link_url=LINK), LONG, TEXT),
    row("threads", of("a" * 500), of("a" * 501), LONG, TEXT),
    row("threads", of("😀" * 125), of("😀" * 126), LONG, TEXT),
    row("threads", of("a" * 500, link_url=LINK), of("a" * 500, image(), link_url=LINK), LONG, TEXT),
    row("instagram", of("a" * 2200, image()), of("a" * 2201, image()), LONG, TEXT),
    row("instagram", of("#one " * 30, image()), of("#one " * 31, image()), INVALID, TEXT),
    row("instagram", of("@one " * 20, image()), of("@one " * 21, image()), INVALID, TEXT),
    row("tiktok", of("😀" * 1100, video()), of("😀" * 1100 + "a", video()), LONG, TEXT),
    row("tiktok", of("a" * 2200, image()), of("a" * 2201, image()), LONG, TEXT),
    row("linkedin", of("a" * 3000), of("a" * 3001), LONG, TEXT),
    row("facebook", of("a" * 63_206), of("a" * 63_207), LONG, TEXT),
    row("youtube", of("a" * 100, video()), of("a" * 101, video()), LONG, TEXT),
    row(
        "youtube",
        of("a", video(), settings={"title": "a" * 100}),
        of("a", video(), settings={"title": "a" * 101}),
        LONG,
        "settings.title",
    ),
    row(
        "youtube",
        of("a", video(), settings={"description": "é" * 2500}),
        of("a", video(), settings={"description": "é" * 2501}),
        LONG,
        "settings.description",
    ),
    row(
        "youtube",
        of("é" * 2500, video(), settings={"title": "a"}),
        of("é" * 2501, video(), settings={"title": "a"}),
        LONG,
        TEXT,
    ),
    row("youtube", of("A title", video()), of("", video()), INVALID, "settings.title"),
    row("youtube", of("1 & 2", video()), of("1 < 2", video()), INVALID, TEXT),
    row(
        "youtube",
        of("a", video(), settings={"tags": ["b"]}),
        of("a", video(), settings={"tags": ["b", ">"]}),
        INVALID,
        "settings.tags.1",
    ),
    *[row(name, of("Hello"), of(" \n "), INVALID, TEXT) for name in ("facebook", "linkedin", "threads", "twitter")],
    *[row(name, of("Hello", video()), of(""), INVALID, TEXT) for name in ("instagram", "tiktok")],
]

MEDIA_ROWS = [
    *[row(name, of("a", video()), of("a"), CONFIG, MEDIA) for name in ("instagram", "tiktok", "youtube")],
    row("youtube", of("a", video()), of("a", video(), video()), CONFIG, MEDIA),
    row("youtube", of("a", video()), of("a", image()), TYPE, "content.media.0.type"),
    row("youtube", of("a", video()), of("a", video(), image()), MIXED, MEDIA),
    row("youtube", of("a", video()), of("a", video(explicit=False)), CONFIG, "content.media.0"),
    row("youtube", of("a", video()), of("a", image(explicit=False)), CONFIG, "content.media.0"),
    row("tiktok", of("a", *[image()] * 35), of("a", *[image()] * 36), CONFIG, MEDIA),
    row("tiktok", of("a", video()), of("a", video(), video()), CONFIG, MEDIA),
    row("tiktok", of("a", image()), of("a", image(), video()), MIXED, MEDIA),
    row("tiktok", of("a", image()), of("a", image(explicit=False)), CONFIG, "content.media.0"),
    row("tiktok", of("a", image()), of("a", image(), gif()), TYPE, "content.media.1.type"),
    row("twitter", of("a", *[image()] * 4), of("a", *[image()] * 5), CONFIG, MEDIA),
    row("twitter", of("a", gif()), of("a", gif(), gif()), CONFIG, MEDIA),
    row("twitter", of("a", video()), of("a", video(), video()), CONFIG, MEDIA),
    row("twitter", of("a", video()), of("a", video(), image()), MIXED, MEDIA),
    row("twitter", of("a", gif()), of("a", gif(), image()), MIXED, MEDIA),
    row(
        "twitter",
        of("a", image(explicit=False)),
        of("a", image(mime_type="image/tiff")),
        TYPE,
        "content.media.0.mimeType",
    ),
    row("twitter", of("a", gif()), of("a", image(mime_type="image/gif")), TYPE, "content.media.0.mimeType"),
    row("twitter", of("a", video()), of("a", video(mime_type="image/jpeg")), TYPE, "content.media.0.mimeType"),
    row(
        "twitter",
        of("a", image(size_bytes=5_242_880)),
        of("a", image(size_bytes=5_242_881)),
        CONFIG,
        "content.media.0.sizeBytes",
    ),
    row(
        "twitter",
        of("a", video(duration_seconds=0.5)),
        of("a", video(duration_seconds=0.4)),
        CONFIG,
        "content.media.0.durationSeconds",
    ),
    row(
        "twitter",
        of("a", image(alt_text="a" * 1000)),
        of("a", image(alt_text="a" * 1001)),
        LONG,
        "content.media.0.altText",
    ),
    row("threads", of("a", *[image(), video()] * 10), of("a", *[image(), video()] * 10, image()), CONFIG, MEDIA),
    row("threads", of("a", image(mime_type="image/webp")), of("a", gif()), TYPE, "content.media.0.type"),
    row(
        "threads",
        of("a", video(duration_seconds=300)),
        of("a", video(duration_seconds=301)),
        CONFIG,
        "content.media.0.durationSeconds",
    ),
    row(
        "threads",
        of("a", image(width=1000, height=100)),
        of("a", image(width=1001, height=100)),
        CONFIG,
        "content.media.0.width",
    ),
    row("instagram", of("a", *[image(), video()] * 5), of("a", *[image()] * 11), CONFIG, MEDIA),
    row("instagram", of("a", image(mime_type="image/png")), of("a", gif()), TYPE, "content.media.0.type"),
    row(
        "instagram",
        of("a", image(width=1910, height=1000)),
        of("a", image(width=1950, height=1000)),
        CONFIG,
        "content.media.0.width",
    ),
    row("facebook", of("a", *[image()] * 10), of("a", *[image()] * 11), CONFIG, MEDIA),
    row("facebook", of("a", video()), of("a", video(), video()), CONFIG, MEDIA),
    row("facebook", of("a", video()), of("a", video(), image()), MIXED, MEDIA),
    row("facebook", of("a", image()), of("a", gif()), TYPE, "content.media.0.type"),
    row("linkedin", of("a", *[image()] * 20), of("a", *[image()] * 21), CONFIG, MEDIA),
    row("linkedin", of("a", video()), of("a", video(), image()), MIXED, MEDIA),
    row("linkedin", of("a", image(explicit=False)), of("a", video(explicit=False)), CONFIG, "content.media.0"),
    row("linkedin", of("a", image()), of("a", gif()), TYPE, "content.media.0.type"),
    row("linkedin", of("a", video()), of("a", video(mime_type="video/quicktime")), TYPE, "content.media.0.mimeType"),
    row(
        "linkedin",
        of("a", image(width=6012, height=6012)),
        of("a", image(width=6013, height=6013)),
        CONFIG,
        "content.media.0.width",
    ),
    row(
        "linkedin",
        of("a", image(alt_text="a" * 4086)),
        of("a", image(alt_text="a" * 4087)),
        LONG,
        "content.media.0.altText",
    ),
]
