"""Every error that Facebook documents for Pages, and what it means to us."""

from __future__ import annotations

from dataclasses import replace

from brokers.errors import ErrorRow, PlatformError, Reply, from_row
from brokers.meta_graph import COMMON_ROWS, read_graph_error

_REWORD = "Change the text or the media so that the post follows Facebook's rules, then post again."


def _media(hint: str) -> ErrorRow:
    return ErrorRow("content", hint, code="MEDIA_UPLOAD_FAILED", broker_code=None)


_UNREADABLE = ErrorRow(
    "transient", "Check that the media URL opens without a login, then retry.", code="MEDIA_UPLOAD_FAILED",
    broker_code=None,
)  # fmt: skip
_UPLOAD = ErrorRow("transient", code="MEDIA_UPLOAD_FAILED", broker_code=None, restart=True)
_CODE = ErrorRow("auth", "Start connecting the account again.", broker_code="TOKEN_EXCHANGE_FAILED")

#: Facebook names these as a code, as a subcode, or as the code of a processing error: developers.facebook.com/docs/
#: graph-api/guides/error-handling, read 2026-11-22, and as other publishers report them (assumed).
_LONG: dict[int, ErrorRow] = {
    1346003: ErrorRow("content", _REWORD),
    1404102: ErrorRow("content", _REWORD),
    1404078: ErrorRow("identity", "Complete Page publishing authorization in the Page's settings on Facebook, then retry."),
    1390008: ErrorRow("quota", broker_code="PLATFORM_ERROR"),
    1366051: ErrorRow("content", "These photos were posted already: look at the Page before posting again."),
    1366046: _media("Use a JPEG or PNG below 4 MB, then post again."),
    1609005: ErrorRow("content", "Facebook cannot read the page behind linkUrl: correct or remove it, then retry."),
    1609008: ErrorRow("content", "Facebook takes no link to facebook.com here: remove linkUrl, then post again."),
    1609010: ErrorRow("transient", broker_code="PLATFORM_ERROR"),
    2061006: ErrorRow("content", "Correct the URL in linkUrl or in the media, then post again."),
    1363037: _UPLOAD,
    1363040: _media("Crop the video to 9:16 for a reel, then post again."),
    1363047: ErrorRow("transient", broker_code="PLATFORM_ERROR"),
    1363127: _media("Use a video of at least 540 x 960 pixels for a reel, then post again."),
    1363128: _media("Cut the video to 4 to 60 seconds for a reel, then post again."),
    1363129: _media("Encode the video with 24 to 60 frames a second, then post again."),
}

#: developers.facebook.com/docs/graph-api/guides/error-handling, read 2026-11-22; 368/4854002 as other publishers report
#: it (100/36007 and 100/36009: assumed).
ROWS: dict[str, ErrorRow] = {
    **COMMON_ROWS,
    "100": ErrorRow("content", "Facebook refused a value of this post: correct what the message names, then retry."),
    "100/33": ErrorRow("content", "Facebook does not show this Page to the account: reconnect it, then retry."),
    "100/36007": _CODE,
    "100/36009": _CODE,
    "368/4854002": ErrorRow(
        "identity",
        "A manager of the Page must confirm their identity in the Facebook mobile app; then call posts_retry.",
        code="PAGE_IDENTITY_CONFIRMATION_REQUIRED",
        broker_code=None,
    ),
    "382": _media("The video file is too small: use another one, then post again."),
    "389": _UNREADABLE,
    "506": ErrorRow("content", "The Page's latest post says the same: look there first, or change the text."),
    "6000": _UPLOAD,
    "6001": _UPLOAD,
    **{key: row for code, row in _LONG.items() for key in (str(code), f"*/{code}")},
}

read_error = read_graph_error(ROWS)

_UNPROCESSED = _media("Encode the video as MP4 with H.264 and AAC, then post again.")


def video_error(code: object, message: object) -> PlatformError:
    """What a video's status reports (`errors[{code, message}]`). Never transient, for it comes after the post was sent;
    a retry by a person begins with a new video."""
    row = ROWS.get(str(code), _UNPROCESSED)
    final = row if row.kind in ("content", "identity") else _UNPROCESSED
    said = f"Facebook could not process the video: {message or 'no reason given'}"
    return from_row(replace(final, restart=True), Reply(200, {}), said[:500], str(code or "video_status"))
