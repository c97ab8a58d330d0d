"""Counting text as the platforms do, and refusing text that no platform should see."""

from __future__ import annotations

import json
import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from brokers.text import clean_text, threads_length, utf8_bytes, utf16_units, with_link, x_weight

CONFORMANCE = json.loads((Path(__file__).parent / "x_weighted_length.json").read_text("utf-8"))["cases"]
FAMILY = "\U0001f468\u200d\U0001f469\u200d\U0001f467\u200d\U0001f466"


@pytest.mark.parametrize("case", CONFORMANCE, ids=[case["description"][:60] for case in CONFORMANCE])
def test_x_weight_agrees_with_x_own_cases(case):
    assert x_weight(case["text"]) == case["weightedLength"]


@pytest.mark.parametrize(
    ("text", "weight"),
    [
        ("", 0),
        ("a" * 280, 280),
        ("漢" * 141, 282),
        (FAMILY, 2),
        ("❤️‍🔥", 2),
        ("🇩🇪", 2),
        ("1️⃣", 2),
        ("©", 1),
        ("#1", 2),
        ("example.com", 23),
        ("EXAMPLE.COM", 23),
        ("see example.com/a/very/long/path/that/would/be/more/than/twenty?three=1", 27),
        ("https://example.com/path(with)parens", 23),
        ("(https://example.com/a).", 26),
        ("a@example.com", 13),
        ("@example.com", 12),
        ("ftp://example.com", 17),
        ("https://localhost/x", 19),
        ("README.txt", 10),
        ("日本example.comの", 29),
        ("http://例え.みんな", 23),
        ("https://t.co/" + "a" * 41, 54),
        ("https://example.com/" + "a" * 4100, 4120),
    ],
)
def test_x_weight(text, weight):
    assert x_weight(text) == weight


@pytest.mark.parametrize("hostile", ["a." * 30_000, "http://" + "あ." * 25_000, "http://a.com/" + "(a" * 25_000, "é" * 60_000])
def test_x_weight_takes_no_time_on_hostile_text(hostile):
    x_weight("warm up example.com")
    before = time.process_time()
    x_weight(hostile)
    assert time.process_time() - before < 1


@pytest.mark.parametrize(
    ("count", "text", "length"),
    [
        (threads_length, "plain", 5),
        (threads_length, "漢字", 2),
        (threads_length, "a😀", 5),
        (threads_length, FAMILY, 25),
        (threads_length, "🇩🇪", 8),
        (threads_length, "1 #tag", 6),
        (utf16_units, "a漢😀", 4),
        (utf8_bytes, "aé漢😀", 10),
    ],
)
def test_other_counters(count, text, length):
    assert count(text) == length


@pytest.mark.parametrize(
    ("text", "link", "sent"),
    [
        ("Read", "https://e.com", "Read https://e.com"),
        ("Read https://e.com now", "https://e.com", "Read https://e.com now"),
        ("", "https://e.com", "https://e.com"),
        ("Read", None, "Read"),
    ],
)
def test_with_link_adds_the_link_once(text, link, sent):
    assert with_link(text, link, " ") == sent


def test_clean_text_turns_crlf_into_newline():
    assert clean_text("a\r\nb\tc\n\nd 漢 😀 \u200d") == "a\nb\tc\n\nd 漢 😀 \u200d"


@pytest.mark.parametrize("bad", ["\x00", "\ud800", "\udfff", "\x1b", "\x07", "\r", "\x7f", "\x85", "\x0b"])
def test_clean_text_refuses(bad):
    with pytest.raises(ValueError, match=f"U\\+{ord(bad):04X} at position 2"):
        clean_text(f"ab{bad}c")


@given(st.text(alphabet=st.characters()))
def test_counters_never_raise_and_text_never_weighs_nothing(text):
    for count in (x_weight, threads_length, utf16_units, utf8_bytes):
        assert (count(text) > 0) == bool(text)
