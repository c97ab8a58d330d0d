"""Every rule has a draft that it lets pass and one beside it that it stops."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from brokers.accepts import Case
from brokers.base import Draft, Media
from brokers.rules import RULES, problems
from tests.rules.drafts import ACCEPTS, LINK, NOW, PLATFORMS, draft, found, image, video
from tests.rules.rows import CONFIG, INVALID, LATER, LONG, MEDIA, MEDIA_ROWS, MIXED, PLACE, TEXT, TEXT_ROWS, TYPE, of
from tests.rules.rows_settings import PLACEMENT_ROWS, SETTING_ROWS

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
