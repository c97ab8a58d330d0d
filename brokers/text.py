"""Text hygiene, and counting text the way each platform counts it."""

from __future__ import annotations

import unicodedata
from functools import cache
from pathlib import Path

import regex

_REFUSED = regex.compile(r"[\p{Cs}\p{Cc}--\t\n]", regex.V1)


def clean_text(text: str) -> str:
    """CR LF becomes a newline. Raises `ValueError` on NUL, lone surrogates and every other control character but
    newline and tab."""
    text = text.replace("\r\n", "\n")
    if found := _REFUSED.search(text):
        raise ValueError(
            f"has the character U+{ord(found[0]):04X} at position {found.start()}; "
            "only newline and tab are allowed of the control characters"
        )
    return text


def with_link(text: str, link: str | None, separator: str) -> str:
    """The text followed by the link, unless there is none or the text already holds it."""
    if not link or link in text:
        return text
    return f"{text}{separator}{link}" if text.strip() else link


def utf16_units(text: str) -> int:
    """UTF-16 code units (TikTok)."""
    return len(text.encode("utf-16-le", "surrogatepass")) // 2


def utf8_bytes(text: str) -> int:
    """UTF-8 bytes (YouTube's description)."""
    return len(text.encode("utf-8", "surrogatepass"))


# One emoji as people see it: a keycap, a flag, or pictures with their modifiers joined by U+200D.
_PICTURE = (
    r"(?:[\p{Emoji}--[#*0-9©®]]|[©®](?=\uFE0F))"
    r"[\uFE0F\p{Emoji_Modifier}]?\u20E3?(?:[\U000E0020-\U000E007E]+\U000E007F)?"
)
_EMOJI = regex.compile(rf"[#*0-9]\uFE0F?\u20E3|\p{{Regional_Indicator}}{{2}}|{_PICTURE}(?:\u200D{_PICTURE})*", regex.V1)


def threads_length(text: str) -> int:
    """Characters, with each emoji counted as its UTF-8 bytes.
    https://developers.facebook.com/docs/threads/overview, read 2026-11-22."""
    return len(text) + sum(utf8_bytes(emoji) - len(emoji) for emoji in _EMOJI.findall(text))


# X's weights: https://docs.x.com/fundamentals/counting-characters (config v3), read 2026-11-22.
_URL_WEIGHT = 23
_HEAVY = regex.compile(r"[^\u0000-\u10FF\u2000-\u200D\u2010-\u201F\u2032-\u2037]")
_MAX_URL = 4096
#: A text of more code points weighs over 280 even if it is URLs throughout; it is not searched for them.
_MAX_SEARCHED = 60_000

_ACCENTED = (
    r"\u00C0-\u00D6\u00D8-\u00F6\u00F8-\u024F\u0253\u0254\u0256\u0257\u0259\u025B\u0263\u0268\u026F\u0272"
    r"\u0289\u028B\u02BB\u0300-\u036F\u1E00-\u1EFF"
)
_WORD = rf"a-z0-9{_ACCENTED}"
_IN_HOST = r"[^\s\p{C}!-/:-@\[-`{-~]"
_TLD = r"(?:\L<tlds>|xn--[a-z0-9-]+)(?![a-z0-9@+-])"
_HOST = (
    rf"(?:{_IN_HOST}(?:(?:{_IN_HOST}|[_-]){{0,61}}{_IN_HOST})?\.){{0,126}}"
    rf"{_IN_HOST}(?:(?:{_IN_HOST}|-){{0,61}}{_IN_HOST})?\.{_TLD}"
)
_BARE_HOST = rf"[{_WORD}][{_WORD}-]{{0,62}}\.(?:[{_WORD}-]{{1,63}}\.){{0,126}}{_TLD}"
_IN_PATH = rf"[{_WORD}\p{{Cyrillic}}!*';:=+,.$/%#\[\]\-\u2013_~@|&]"
_PARENTHESES = rf"\({_IN_PATH}*(?:\({_IN_PATH}+\){_IN_PATH}*)?\)"
_PATH = rf"/(?:(?:{_IN_PATH}|{_PARENTHESES})*(?:[{_WORD}\p{{Cyrillic}}=_#/+-]|{_PARENTHESES}))?"
_QUERY = r"(?:\?[a-z0-9!?*'@();:&=+$/%#\[\]\-_.,~|]*[a-z0-9\-_&=#/])?"


_LOWER = {upper: upper + 32 for upper in range(ord("A"), ord("Z") + 1)}


@cache
def _url() -> regex.Pattern[str]:
    """A URL as X finds it, in lower case: with a scheme, or a bare host; always with a known top-level domain."""
    names = [n for n in (Path(__file__).parent / "tlds.txt").read_text("utf-8").split("\n") if n and n[0] != "#"]
    native = [n[4:].encode().decode("punycode") for n in names if n.startswith("xn--")]
    return regex.compile(
        rf"(?<![a-z0-9@＠$#＃\uFFFE\uFEFF\uFFFF])(?:"
        rf"https?://t\.co/[a-z0-9]{{1,40}}(?![a-z0-9]){_QUERY}"
        rf"|https?://(?!t\.co/[a-z0-9])(?<host>{_HOST})(?::[0-9]+)?(?:{_PATH})?{_QUERY}"
        rf"|(?<![\-_./{_ACCENTED}])(?<host>{_BARE_HOST})(?:(?::[0-9]+)?{_PATH}{_QUERY})?)",
        tlds=[*names, *native],
    )


def _weigh_url(found: regex.Match[str]) -> str:
    labels = (found["host"] or "").split(".")
    is_host = all(label.isascii() or len(label.encode("punycode")) + 4 <= 63 for label in labels)
    return "x" * _URL_WEIGHT if is_host and len(found[0]) <= _MAX_URL else found[0]


def x_weight(text: str) -> int:
    """X's weighted length: NFC, a URL 23, an emoji 2, Latin and the like 1, everything else 2."""
    text = unicodedata.normalize("NFC", text).translate(_LOWER)
    if len(text) <= _MAX_SEARCHED:
        text = _url().sub(_weigh_url, text)
    text = _EMOJI.sub("xx", text)
    return len(text) + len(_HEAVY.findall(text))
