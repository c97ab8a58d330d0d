"""`platformOverrides.<platform>.settings`, read strictly into typed settings."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from brokers.rules import read_settings
from tests.rules.drafts import ACCEPTS, PLATFORMS


@pytest.mark.parametrize("platform", PLATFORMS)
@pytest.mark.parametrize("raw", [None, {}])
def test_no_settings_are_the_defaults(platform, raw):
    assert read_settings(ACCEPTS[platform], raw) == (ACCEPTS[platform].settings(), [])


@pytest.mark.parametrize("platform", PLATFORMS)
def test_a_null_is_the_same_as_leaving_it_out(platform):
    accepts = ACCEPTS[platform]
    nulls = dict.fromkeys(info.alias for info in accepts.settings.model_fields.values())
    assert read_settings(accepts, nulls) == (accepts.settings(), [])


def test_wire_names_become_attributes():
    settings, faults = read_settings(
        ACCEPTS["youtube"],
        {
            "title": "A\r\nB",
            "tags": ["x"],
            "categoryId": "28",
            "privacyStatus": "private",
            "publishAt": "2027-01-01T09:00:00.5+02:00",
            "notifySubscribers": False,
            "selfDeclaredMadeForKids": False,
            "containsSyntheticMedia": True,
        },
    )
    assert faults == []
    assert settings is not None
    assert settings.model_dump(mode="json") == {
        "title": "A\nB",
        "description": None,
        "tags": ["x"],
        "category_id": "28",
        "privacy_status": "private",
        "publish_at": "2027-01-01T07:00:00.500000Z",
        "notify_subscribers": False,
        "self_declared_made_for_kids": False,
        "contains_synthetic_media": True,
    }


@pytest.mark.parametrize(
    ("platform", "raw", "code", "name"),
    [
        ("instagram", {"placement": "moon"}, "INVALID_PLACEMENT", "placement"),
        ("instagram", {"placement": 5}, "INVALID_PLACEMENT", "placement"),
        ("facebook", {"placement": "carousel"}, "INVALID_PLACEMENT", "placement"),
        ("twitter", {"placement": "feed"}, "VALIDATION_FAILED", "placement"),
        ("twitter", {"replySettings": "nobody"}, "VALIDATION_FAILED", "replySettings"),
        ("threads", {"topicTag": 5}, "VALIDATION_FAILED", "topicTag"),
        ("linkedin", {"visibility": "LOGGED_IN"}, "VALIDATION_FAILED", "visibility"),
        ("linkedin", {"article_title": "snake"}, "VALIDATION_FAILED", "article_title"),
        ("tiktok", {"privacyLevel": "FRIENDS"}, "VALIDATION_FAILED", "privacyLevel"),
        ("tiktok", {"disableComment": "true"}, "VALIDATION_FAILED", "disableComment"),
        ("tiktok", {"disableComment": 1}, "VALIDATION_FAILED", "disableComment"),
        ("tiktok", {"videoCoverTimestampMs": -1}, "VALIDATION_FAILED", "videoCoverTimestampMs"),
        ("tiktok", {"videoCoverTimestampMs": 1.5}, "VALIDATION_FAILED", "videoCoverTimestampMs"),
        ("youtube", {"title": "a\x00"}, "VALIDATION_FAILED", "title"),
        ("youtube", {"title": "a\ud800"}, "VALIDATION_FAILED", "title"),
        ("youtube", {"tags": "one"}, "VALIDATION_FAILED", "tags"),
        ("youtube", {"tags": ["one", 2]}, "VALIDATION_FAILED", "tags.1"),
        ("youtube", {"categoryId": 28}, "VALIDATION_FAILED", "categoryId"),
        ("youtube", {"categoryId": "music"}, "VALIDATION_FAILED", "categoryId"),
        ("youtube", {"publishAt": "2027-01-01T09:00:00"}, "VALIDATION_FAILED", "publishAt"),
        ("youtube", {"publishAt": "9999-12-31T23:59:59-14:00"}, "VALIDATION_FAILED", "publishAt"),
        ("youtube", {"publishAt": "2027-01-01"}, "VALIDATION_FAILED", "publishAt"),
        ("youtube", {"publishAt": 1_800_000_000}, "VALIDATION_FAILED", "publishAt"),
        ("youtube", {"unknown": None}, "VALIDATION_FAILED", "unknown"),
    ],
)
def test_a_fault_names_the_setting(platform, raw, code, name):
    settings, (problem,) = read_settings(ACCEPTS[platform], raw)
    assert settings is None
    assert problem.code == code
    assert problem.field == f"platformOverrides.{platform}.settings.{name}"
    assert problem.platform == platform
    assert problem.hint


def test_all_faults_come_at_once_and_unknown_names_list_the_known():
    _, faults = read_settings(ACCEPTS["linkedin"], {"visibility": "X", "colour": "red", "altText": 1})
    assert {fault.field.rsplit(".", 1)[1] for fault in faults} == {"visibility", "colour", "altText"}
    (unknown,) = [fault for fault in faults if fault.field.endswith("colour")]
    assert unknown.hint is not None
    assert "articleTitle" in unknown.hint


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(alphabet=st.characters()),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(alphabet=st.characters()), inner, max_size=3),
    max_leaves=6,
)
NAMES = sorted({info.alias for a in ACCEPTS.values() for info in a.settings.model_fields.values()})


@given(st.sampled_from(PLATFORMS), JSON | st.dictionaries(st.sampled_from(NAMES) | st.text(), JSON, max_size=5))
def test_reading_never_raises_and_its_faults_are_plain_text(platform, raw):
    settings, faults = read_settings(ACCEPTS[platform], raw)
    assert (settings is None) == bool(faults)
    json.dumps([fault.__dict__ for fault in faults], ensure_ascii=False, allow_nan=False).encode()
