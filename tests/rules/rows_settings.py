"""Rows of placements, schedules, links and settings: a draft that may go out, and one beside it that may not."""

from __future__ import annotations

from tests.rules.drafts import LINK, image, video
from tests.rules.rows import INVALID, LATER, LONG, PLACE, REEL, STORY, of, row, tall

PLACEMENT_ROWS = [
    *[
        row(
            "instagram",
            of("a", *good, settings={"placement": name}),
            of("a", *bad, settings={"placement": name}),
            PLACE,
            field,
        )
        for name, good, bad, field in [
            ("feed", [image()], [image(), image()], "settings.placement"),
            ("feed", [image(width=4, height=5)], [image(width=3, height=5)], "content.media.0.width"),
            ("story", [image()], [image(), image()], "settings.placement"),
            ("story", [video(duration_seconds=60)], [video(duration_seconds=61)], "content.media.0.durationSeconds"),
            ("reel", [video()], [image()], "settings.placement"),
            ("reel", [video()], [video(), video()], "settings.placement"),
            ("reel", [video()], [video(), image()], "settings.placement"),
            ("reel", [video(duration_seconds=3)], [video(duration_seconds=2.9)], "content.media.0.durationSeconds"),
            ("carousel", [image(), video()], [image()], "settings.placement"),
            ("carousel", [image()] * 10, [image()] * 11, "settings.placement"),
        ]
    ],
    row("facebook", of("a", video(), settings=REEL), of("a", image(), settings=REEL), PLACE, "settings.placement"),
    row("facebook", of("a", video(), settings=REEL), of("a", settings=REEL), PLACE, "settings.placement"),
    row(
        "facebook",
        of("a", video(), settings=REEL),
        of("a", video(), image(), settings=REEL),
        PLACE,
        "settings.placement",
    ),
    row(
        "facebook",
        of("a", image(), settings=STORY),
        of("a", image(), image(), settings=STORY),
        PLACE,
        "settings.placement",
    ),
    *[
        row("facebook", of("a", tall(**good), settings=REEL), of("a", tall(**bad), settings=REEL), PLACE, field)
        for good, bad, field in [
            ({"duration_seconds": 4}, {"duration_seconds": 3.9}, "content.media.0.durationSeconds"),
            ({"duration_seconds": 60}, {"duration_seconds": 60.1}, "content.media.0.durationSeconds"),
            ({"width": 720, "height": 1280}, {"width": 1920}, "content.media.0.width"),
        ]
    ],
]

SETTING_ROWS = [
    *[row(name, of("a"), of("a", scheduled_for=LATER), INVALID, "scheduledFor") for name in ("twitter", "linkedin", "threads")],
    row("tiktok", of("a", video()), of("a", video(), scheduled_for=LATER), INVALID, "scheduledFor"),
    row("instagram", of("a", image()), of("a", image(), link_url=LINK), INVALID, "content.linkUrl"),
    row("tiktok", of("a", image()), of("a", image(), link_url=LINK), INVALID, "content.linkUrl"),
    row(
        "facebook",
        of("a", image(), link_url=LINK),
        of("a", image(), link_url=LINK, settings=STORY),
        INVALID,
        "content.linkUrl",
    ),
    row("linkedin", of("a"), of("a", settings={"organizationId": "123"}), INVALID, "settings.organizationId"),
    *[
        row(
            "linkedin",
            of("a", link_url=LINK, settings={name: "b"}),
            of("a", settings={name: "b"}),
            INVALID,
            f"settings.{name}",
        )
        for name in ("articleTitle", "articleDescription")
    ],
    row(
        "linkedin",
        of("a", image(), link_url=LINK, settings={"articleTitle": "b"}),
        of("a", image(), image(), link_url=LINK, settings={"articleTitle": "b"}),
        INVALID,
        "settings.articleTitle",
    ),
    row(
        "linkedin",
        of("a", link_url=LINK, settings={"articleTitle": "a" * 399}),
        of("a", link_url=LINK, settings={"articleTitle": "a" * 400}),
        LONG,
        "settings.articleTitle",
    ),
    row(
        "linkedin",
        of("a", image(), settings={"altText": "b"}),
        of("a", settings={"altText": "b"}),
        INVALID,
        "settings.altText",
    ),
    row(
        "threads",
        of("a", settings={"topicTag": "b" * 50}),
        of("a", settings={"topicTag": "b.c"}),
        INVALID,
        "settings.topicTag",
    ),
    row(
        "tiktok",
        of("a", video(), settings={"brandContentToggle": True, "privacyLevel": "PUBLIC_TO_EVERYONE"}),
        of("a", video(), settings={"brandContentToggle": True, "privacyLevel": "SELF_ONLY"}),
        INVALID,
        "settings.brandContentToggle",
    ),
    row(
        "tiktok",
        of("a", video(duration_seconds=2), settings={"videoCoverTimestampMs": 2000}),
        of("a", video(duration_seconds=2), settings={"videoCoverTimestampMs": 2001}),
        INVALID,
        "settings.videoCoverTimestampMs",
    ),
    row(
        "tiktok",
        of("a", video(), settings={"videoCoverTimestampMs": 0}),
        of("a", image(), settings={"videoCoverTimestampMs": 0}),
        INVALID,
        "settings.videoCoverTimestampMs",
    ),
    # 249 + 1 comma + 248 + 2 quotation marks = 500
    row(
        "youtube",
        of("a", video(), settings={"tags": ["a" * 249, "b " * 124]}),
        of("a", video(), settings={"tags": ["a" * 250, "b " * 124]}),
        INVALID,
        "settings.tags",
    ),
    *[
        row(
            "youtube",
            of("a", video(), settings={"publishAt": "2026-12-01T12:00:01Z"}),
            of("a", video(), **bad),
            INVALID,
            "settings.publishAt",
        )
        for bad in [
            {"settings": {"publishAt": "2026-12-01T12:00:00Z"}},
            {"settings": {"publishAt": "2026-12-02T12:00:00+01:00", "privacyStatus": "public"}},
            {"settings": {"publishAt": "2026-12-02T12:00:00Z"}, "scheduled_for": LATER},
        ]
    ],
]
