"""Every error that Instagram documents, and what it means to us."""

from __future__ import annotations

import re
from functools import partial

from brokers.errors import ErrorRow, PlatformError, Reply, from_row, media_row
from brokers.meta_graph import COMMON_ROWS, read_graph_error

_REBUILD = ErrorRow("transient", restart=True)
_UNFETCHED = ErrorRow(
    "transient",
    "Check that the media URL opens without a login and is an image or video, then retry.",
    code="MEDIA_UPLOAD_FAILED",
    broker_code=None,
    restart=True,
)
_content = partial(ErrorRow, "content")

#: developers.facebook.com/docs/instagram-platform/instagram-graph-api/reference/error-codes, read 2026-11-22.
#: 2207051 although the post is out: gitroomhq/postiz-app#1681. 100/33 on new containers: gitroomhq/postiz-app#1562.
#: 2207081 and 2207085: third-party reports.
ROWS: dict[str, ErrorRow] = {
    **COMMON_ROWS,
    "100": _content("Instagram refused a value of this post: correct what the message names, then post again."),
    "100/33": ErrorRow("transient", restart=True),
    "-1/2207001": ErrorRow("transient"),
    "-2/2207003": _UNFETCHED,
    "-2/2207020": _REBUILD,
    "1/2207057": _content("Choose a cover within the length of the video, then post again."),
    "4/2207051": ErrorRow(
        "identity",
        "Instagram takes this for spam. Look at the account in the app, wait a day, then retry.",
        may_have_posted=True,
    ),
    "9/2207042": ErrorRow("quota", "The account has used its posts of 24 hours: retry tomorrow.", retry_after=3600),
    "24/2207006": _REBUILD,
    "24/2207008": ErrorRow("transient", restart=True, retry_after=30),
    "25/2207050": ErrorRow("identity", "Instagram restricts this account: log in to its app, do what it asks for, then retry."),
    "100/2207023": _content("Choose another placement for these media, then post again."),
    "100/2207028": _content("Give a carousel 2 to 10 items, then post again."),
    "100/2207035": _content("Take the product tags out of the post, then post again."),
    "100/2207036": _content("Take the product tags out of the post, then post again."),
    "100/2207037": _content("Take the product tags out of the post, then post again."),
    "100/2207040": _content("Use at most 20 mentions in the caption, then post again."),
    "352/2207026": media_row("Encode the video as MP4 or MOV with H.264 or HEVC and AAC, then post again."),
    "9004/2207052": _UNFETCHED,
    "9007/2207027": ErrorRow("transient", retry_after=10),
    "36000/2207004": media_row("Make the image smaller than 8 MiB, then post again."),
    "36001/2207005": media_row("Convert the image to JPEG, then post again."),
    "36003/2207009": media_row("Crop the image to an aspect ratio between 4:5 and 1.91:1, then post again."),
    "36004/2207010": _content("Use at most 2200 characters, 30 hashtags and 20 mentions, then post again."),
    "*/2207032": _REBUILD,
    "*/2207053": _REBUILD,
    "*/2207081": _content("This account cannot have trial reels: post an ordinary reel."),
    "*/2207085": _REBUILD,
}

#: A container's `status` names a subcode alone.
_BY_SUBCODE = {key.partition("/")[2]: row for key, row in ROWS.items() if "/2207" in key}
_FAILED = media_row("Check the media against Instagram's limits (format, length, size, ratio), then post again.")

read_error = read_graph_error(ROWS | {f"*/{subcode}": row for subcode, row in _BY_SUBCODE.items()})


def container_error(status_code: str, said: str) -> PlatformError:
    """The refusal in a container's `status_code` (ERROR or EXPIRED); `said`, its `status`, carries the subcode."""
    subcode = next(iter(re.findall(r"\b2207\d{3}\b", said)), None)
    row = _REBUILD if status_code == "EXPIRED" else _BY_SUBCODE.get(subcode or "", _FAILED)
    message = f"Instagram could not process the media: {said or status_code}"
    return from_row(row, Reply(200, {}), message, subcode or status_code)
