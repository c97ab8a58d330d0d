"""LinkedIn's `little` text format: what a person wrote, with reserved characters escaped and hashtags marked.

learn.microsoft.com/linkedin/marketing/community-management/shares/little-text-format, read 2026-11-22. LinkedIn
silently cuts a post at a reserved character that is not escaped.
"""

from __future__ import annotations

import re

_RESERVED = re.compile(r"[\\|{}@\[\]()<>#*_~]")
#: A link, whose "#" starts no hashtag, or a hashtag: a "#" that follows no word, and at least one letter.
_LINK_OR_HASHTAG = re.compile(r"(?P<link>https?://\S+)|(?<![\w#&/])#(?P<tag>\w*[^\W\d_]\w*)")


def little(text: str) -> str:
    """`text` as `commentary` wants it."""
    parts, end = [], 0
    for found in _LINK_OR_HASHTAG.finditer(text):
        parts.append(_escaped(text[end : found.start()]))
        parts.append(_hashtag(found["tag"]) if found["tag"] else _escaped(found["link"]))
        end = found.end()
    return "".join([*parts, _escaped(text[end:])])


def _hashtag(tag: str) -> str:
    return rf"{{hashtag|\#|{_escaped(tag)}}}"


def _escaped(text: str) -> str:
    return _RESERVED.sub(r"\\\g<0>", text)
