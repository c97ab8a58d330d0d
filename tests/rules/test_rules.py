"""One row a rule: a draft that may go out, and one beside it that may not."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from brokers.accepts import Case
from brokers.base import Draft, Media
from brokers.rules import RULES, problems
from tests.rules.drafts import ACCEPTS, LINK, NOW, PLATFORMS, draft, found, gif, image, video

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
    row("linkedin", of("a", gif()), of("a", video(mime_type="video/quicktime")), TYPE, "content.media.0.mimeType"),
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
    *[
        row(name, of("a"), of("a", scheduled_for=LATER), INVALID, "scheduledFor")
        for name in ("twitter", "linkedin", "threads")
    ],
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

ROWS = [*TEXT_ROWS, *MEDIA_ROWS, *PLACEMENT_ROWS, *SETTING_ROWS]


@pytest.mark.parametrize(("platform", "good", "bad", "code", "field"), ROWS)
def test_rule(platform, good, bad, code, field):
    assert found(platform, good) == []
    (problem,) = found(platform, bad)
    assert (problem.code, problem.field, problem.platform) == (code, field, platform)
    assert problem.message.endswith(".")
    assert problem.hint
    assert problem.hint.endswith(".")
    if code == LONG:
        assert problem.actual > problem.limit


def test_every_rule_has_a_draft_that_breaks_it():
    rules = {rule for accepts in ACCEPTS.values() for rule in (*RULES, *accepts.rules)}
    broken = {
        rule
        for platform, _, bad, _, _ in (param.values for param in ROWS)
        for rule in (*RULES, *ACCEPTS[platform].rules)
        if list(rule(Case(bad, ACCEPTS[platform], NOW)))
    }
    assert {rule.__name__ for rule in rules - broken} == set()


def test_every_finding_comes_at_once():
    asked = draft("tiktok", "a" * 2201, image(), video(size_bytes=10**10), link_url=LINK, scheduled_for=LATER)
    assert {(p.code, p.field) for p in found("tiktok", asked)} == {
        (LONG, TEXT),
        (INVALID, "scheduledFor"),
        (INVALID, "content.linkUrl"),
        (MIXED, MEDIA),
        (CONFIG, "content.media.1.sizeBytes"),
    }


def test_facebook_instagram_and_youtube_schedule_at_launch_and_the_others_when_all_may():
    for platform in PLATFORMS:
        asked = draft(platform, "a", video(), scheduled_for=LATER)
        assert (found(platform, asked) == []) == (platform in {"facebook", "instagram", "youtube"})
        assert found(platform, asked, schedule_all=True) == []


def test_an_override_is_named_as_the_field():
    (problem,) = found("threads", draft("threads", "a" * 501), text_field="platformOverrides.threads.text")
    assert problem.field == "platformOverrides.threads.text"
    assert problem.hint == "Shorten platformOverrides.threads.text."
    (problem,) = found("threads", draft("threads", "a" * 501))
    assert problem.hint == "Shorten content.text or set platformOverrides.threads.text."


def test_a_file_that_is_converted_is_measured_after_it():
    assert found("instagram", draft("instagram", "a", image(mime_type="image/png", size_bytes=10**8))) == []
    assert found("instagram", draft("instagram", "a", image(size_bytes=10**8)))


def test_mime_types_are_read_in_any_spelling():
    for name in ("IMAGE/JPEG", "image/jpg", "image/jpeg; q=1"):
        assert found("twitter", draft("twitter", "a", image(mime_type=name))) == []


@pytest.mark.parametrize(
    ("platform", "asked", "sent"),
    [
        ("twitter", of("a", image(), link_url=LINK), f"a {LINK}"),
        ("threads", of("a", link_url=LINK), "a"),
        ("threads", of("a", image(), link_url=LINK), f"a\n\n{LINK}"),
        ("threads", of("", link_url=LINK), LINK),
        ("facebook", of("a", link_url=LINK), "a"),
        ("facebook", of("a", image(), link_url=LINK), f"a\n\n{LINK}"),
        ("linkedin", of("a", image(), link_url=LINK), "a"),
        ("linkedin", of("a", image(), image(), link_url=LINK), f"a\n\n{LINK}"),
        ("instagram", of("a", image()), "a"),
        ("tiktok", of("a", image()), "a"),
        ("youtube", of("a", video(), link_url=LINK), "a"),
        ("youtube", of("a", video(), settings={"title": "b"}), "b"),
    ],
)
def test_compose_is_the_text_that_is_sent(platform, asked, sent):
    assert ACCEPTS[platform].compose(draft(platform, *asked[0], **asked[1])) == sent


MEDIA_ITEMS = st.builds(
    Media,
    kind=st.sampled_from(["image", "video", "gif"]),
    url=st.text(),
    mime_type=st.none() | st.text() | st.sampled_from(["image/png", "image/gif", "video/mp4"]),
    size_bytes=st.none() | st.integers(-(2**63), 2**63),
    width=st.none() | st.integers(-(2**63), 2**63),
    height=st.none() | st.integers(-(2**63), 2**63),
    duration_seconds=st.none() | st.floats(),
    alt_text=st.none() | st.text(),
    explicit=st.booleans(),
)
SETTINGS = st.sampled_from([None, *(accepts.settings() for accepts in ACCEPTS.values())])
DRAFTS = st.builds(
    Draft,
    text=st.text(alphabet=st.characters()),
    media=st.lists(MEDIA_ITEMS, max_size=40).map(tuple),
    link_url=st.none() | st.text(),
    settings=SETTINGS,
    scheduled_for=st.none() | st.datetimes(timezones=st.just(UTC)),
)


@given(st.sampled_from(PLATFORMS), DRAFTS)
def test_problems_never_raises(platform, asked):
    for problem in problems(asked, ACCEPTS[platform], now=datetime(2026, 12, 1, tzinfo=UTC)):
        assert problem.code in {CONFIG, TYPE, MIXED, PLACE, LONG, INVALID}
