"""Text hygiene, and counting text the way each platform counts it."""

from __future__ import annotations

import regex

_REFUSED = regex.compile(r"[\p{Cs}\p{Cc}--\t\n]", regex.V1)


def clean_text(text: str) -> str:
    """CR LF becomes a newline. Raises `ValueError` on NUL, lone surrogates and control characters other than newline and tab."""
    text = text.replace("\r\n", "\n")
    if found := _REFUSED.search(text):
        raise ValueError(
            f"has the character U+{ord(found[0]):04X} at position {found.start()}; "
            "only newline and tab are allowed of the control characters"
        )
    return text


def characters(text: str) -> int:
    """Code points."""
    return len(text)


def utf16_units(text: str) -> int:
    """UTF-16 code units (TikTok)."""
    return len(text.encode("utf-16-le", "surrogatepass")) // 2


def utf8_bytes(text: str) -> int:
    """UTF-8 bytes (YouTube's description)."""
    return len(text.encode("utf-8", "surrogatepass"))


def x_weight(text: str) -> int:
    """X's weighted length."""
    return len(text)


def threads_length(text: str) -> int:
    """Threads' length."""
    return len(text)


def with_link(text: str, link: str | None, separator: str) -> str:
    """The text followed by the link, unless there is none or the text already holds it."""
    if not link or link in text:
        return text
    return f"{text}{separator}{link}" if text.strip() else link
