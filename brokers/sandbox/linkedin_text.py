"""How LinkedIn reads `little` text: what a reader sees."""

from __future__ import annotations

import re

_RESERVED = set("|{}@[]()<>#*_~")
_HASHTAG = re.compile(r"\{hashtag\|(?:\\#|#|\uff03)\|((?:\\.|[^\\|{}@\[\]()<>#*_~])+)\}", re.DOTALL)


def shown(commentary: str) -> str:
    """The text with escapes resolved. It ends, without a word, at the first reserved character that is not escaped."""
    seen: list[str] = []
    at = 0
    while at < len(commentary):
        letter = commentary[at]
        if letter == "\\" and at + 1 < len(commentary):
            seen.append(commentary[at + 1])
            at += 2
        elif tag := _HASHTAG.match(commentary, at):
            seen.append("#" + re.sub(r"\\(.)", r"\1", tag[1]))
            at = tag.end()
        elif letter in _RESERVED:
            break
        else:
            seen.append(letter)
            at += 1
    return "".join(seen)


def hashtags(commentary: str) -> list[str]:
    return [re.sub(r"\\(.)", r"\1", tag) for tag in _HASHTAG.findall(commentary)]
