"""Every error that Threads documents, and what it means to us."""

from __future__ import annotations

from brokers.errors import ErrorRow, PlatformError, Reply, from_row, media_row
from brokers.meta_graph import COMMON_ROWS, read_graph_error

_FETCH = "Check that the media URL opens without a login and is an image or video, then retry."
_UNFETCHED = ErrorRow("transient", _FETCH, code="MEDIA_UPLOAD_FAILED", broker_code=None, restart=True)
_REBUILD = ErrorRow("transient", restart=True)


#: Graph codes, and the `error_message` of a container whose status is ERROR:
#: developers.facebook.com/docs/threads/troubleshooting, read 2026-11-22 by way of third-party digests;
#: 24/4279009 and 1/2207052 as reported in fbsamples/threads_api#70 and gitroomhq/postiz-app#1364.
ROWS: dict[str, ErrorRow] = {
    **COMMON_ROWS,
    "100": ErrorRow("content", "Threads refused a value of this post: correct what the message names, then retry."),
    "100/33": ErrorRow("transient", restart=True),
    "24/4279009": _REBUILD,
    "*/2207052": _UNFETCHED,
    "*/2207003": _UNFETCHED,
    "EXPIRED": _REBUILD,
    "UNKNOWN": media_row(_FETCH),
    "FAILED_DOWNLOADING_VIDEO": _UNFETCHED,
    "FAILED_PROCESSING_VIDEO": media_row("Encode the video as MP4 or MOV with H.264 or HEVC, then post again."),
    "FAILED_PROCESSING_AUDIO": media_row("Encode the audio as AAC with at most 48 kHz, then post again."),
    "INVALID_ASPEC_RATIO": media_row("Crop the media to an aspect ratio between 0.01:1 and 10:1, then post again."),
    "INVALID_AUDIO_CHANNELS": media_row("Encode the audio in mono or stereo, then post again."),
    "INVALID_AUDIO_CHANNEL_LAYOUT": media_row("Encode the audio in mono or stereo, then post again."),
    "INVALID_BIT_RATE": media_row("Encode the video with at most 100 Mbit/s, then post again."),
    "INVALID_DURATION": media_row("Cut the video to at most five minutes, then post again."),
    "INVALID_FRAME_RATE": media_row("Encode the video with 23 to 60 frames a second, then post again."),
}  # fmt: skip

read_error = read_graph_error(ROWS)


def container_error(status: str, said: str) -> PlatformError:
    """The refusal in a container's `status` (ERROR or EXPIRED) and `error_message`."""
    reason = "EXPIRED" if status == "EXPIRED" else said or "UNKNOWN"
    row = ROWS.get(reason, ROWS["UNKNOWN"])
    message = f"Threads could not process the post: {reason}."
    return from_row(row, Reply(200, {}), message, reason)
