"""Every error that YouTube documents, and what it means to us.

developers.google.com/youtube/v3/docs/errors, .../videos/insert and .../thumbnails/set, read 2026-11-22 by way of
digests and the revision history; the reasons of a video's status from the discovery document of 2026-11-04. Rows marked
assumed are on no page that was read.
"""

from __future__ import annotations

from dataclasses import replace
from functools import partial

from brokers.errors import ErrorRow, PlatformError, Reply, auth_row, config_row, from_row, media_row, quota_row

DAY = 86400
_RECONNECT = "Connect the YouTube account again."
_GRANT = "Connect the YouTube account again and allow everything that is asked for."
_MIDNIGHT = "The Google project's daily quota is used up. It resets at midnight Pacific Time: call posts_retry then."
_PROJECT = "The server's operator must correct the project in the Google Cloud console."
_CLIENT = "The server's operator must correct YOUTUBE_CLIENT_ID, YOUTUBE_CLIENT_SECRET and YOUTUBE_REDIRECT_URI."
_CHANNEL = "Create a YouTube channel for this Google account, then call posts_retry."
_ENABLE = "The server's operator must enable the YouTube Data API v3 in the Google Cloud console."
_TOMORROW = "The channel uploaded as many videos as YouTube allows in a day: call posts_retry tomorrow."
_STUDIO = "Open YouTube Studio with this account, do what it asks for, then call posts_retry."
_POLICY = "YouTube Studio says what can be done about it. Publishing the same video again will not help."
_ENCODE = "Encode the video as MP4 with H.264 video and AAC audio, then post again."
_SETTINGS = "platformOverrides.youtube.settings"


def _rejected(hint: str = _POLICY) -> ErrorRow:
    return ErrorRow("content", hint, restart=True)


_ASKED_WRONGLY = ErrorRow("unknown", "Report this: the server sent what YouTube does not take.", "BROKER_ERROR", "PLATFORM_ERROR")
_auth = partial(auth_row, hint=_RECONNECT)
_content = partial(ErrorRow, "content")

#: Reasons of a refused request, and the flat errors of Google's OAuth endpoints.
REFUSALS: dict[str, ErrorRow] = {
    "authError": _auth("AUTH_EXPIRED"),
    "required": _auth("AUTH_EXPIRED"),
    "insufficientPermissions": auth_row("AUTH_REVOKED", _GRANT),
    "authenticatedUserAccountClosed": ErrorRow("identity", _STUDIO, broker_code="AUTH_REVOKED"),
    "authenticatedUserAccountSuspended": ErrorRow("identity", _STUDIO, broker_code="AUTH_REVOKED"),
    "youtubeSignupRequired": ErrorRow("identity", _CHANNEL),
    "forbidden": ErrorRow("identity", _STUDIO),
    "accessNotConfigured": config_row(_ENABLE),
    "quotaExceeded": quota_row(_MIDNIGHT, DAY),
    "dailyLimitExceeded": quota_row(_MIDNIGHT, DAY),
    "rateLimitExceeded": quota_row(),
    "userRateLimitExceeded": quota_row(),
    "uploadRateLimitExceeded": quota_row(),
    "uploadLimitExceeded": quota_row(_TOMORROW, DAY),
    "invalidTitle": _content(f"Correct {_SETTINGS}.title (1 to 100 characters without < and >)."),
    "invalidDescription": _content(f"Correct {_SETTINGS}.description (up to 5,000 bytes without < and >)."),
    "invalidTags": _content(f"Correct {_SETTINGS}.tags (up to 500 characters in all)."),
    "invalidCategoryId": _content(f"Choose another {_SETTINGS}.categoryId: the region has no such category."),
    "invalidPublishAt": _content(f"Choose a later {_SETTINGS}.publishAt; it needs privacyStatus private."),
    "invalidVideoMetadata": _content(f"Correct {_SETTINGS}: YouTube needs a title and a category."),
    "invalidFilename": _content("Give the video another file name."),
    "forbiddenPrivacySetting": _content(f"Choose another {_SETTINGS}.privacyStatus."),  # assumed
    "forbiddenLicenseSetting": _content("Check in YouTube Studio which licence the channel may use."),  # assumed
    "mediaBodyRequired": _ASKED_WRONGLY,
    "missingRequiredParameter": _ASKED_WRONGLY,
    "unexpectedParameter": _ASKED_WRONGLY,
    "unexpectedPart": _ASKED_WRONGLY,
    "badRequest": _ASKED_WRONGLY,
    "invalidImage": _content("Give a JPEG or PNG of at most 2 MB as thumbnailUrl."),
    "videoNotFound": _content("The video is no longer on YouTube. Look in YouTube Studio."),
    "sessionGone": ErrorRow("transient", restart=True),
    "backendError": ErrorRow("transient", broker_code="PLATFORM_ERROR"),
    "invalid_grant": _auth("REFRESH_TOKEN_EXPIRED"),
    "invalid_token": _auth("AUTH_REVOKED"),
    "unauthorized_client": config_row(_CLIENT),
    "invalid_client": config_row(_CLIENT),
    "redirect_uri_mismatch": config_row(_CLIENT),
    "invalid_request": config_row(_PROJECT),
    "invalid_scope": config_row(_PROJECT),
}  # fmt: skip

#: What became of a video: `status.uploadStatus` with its `failureReason` or `rejectionReason`.
VERDICTS: dict[str, ErrorRow] = {
    "failed/conversion": media_row(_ENCODE),
    "failed/invalidFile": media_row(_ENCODE),
    "failed/codec": media_row(_ENCODE),
    "failed/emptyFile": media_row("The file is empty: give another video."),
    "failed/tooSmall": media_row("The file is too small to be a video: give another one."),
    "failed/uploadAborted": media_row("Nothing needs to change: call posts_retry to upload the video again."),
    "rejected/copyright": _rejected(),
    "rejected/claim": _rejected(),
    "rejected/trademark": _rejected(),
    "rejected/legal": _rejected(),
    "rejected/inappropriate": _rejected(),
    "rejected/termsOfUse": _rejected(),
    "rejected/duplicate": _rejected("The channel already has this video: look in YouTube Studio."),
    "rejected/length": _rejected(
        "Verify the channel at youtube.com/verify to upload more than 15 minutes, or cut the video; then post again."
    ),
    "rejected/uploaderAccountClosed": ErrorRow("identity", _STUDIO, restart=True),
    "rejected/uploaderAccountSuspended": ErrorRow("identity", _STUDIO, restart=True),
    "deleted": _rejected("Someone deleted the video on YouTube. Call posts_retry to upload it again."),
}

ROWS: dict[str, ErrorRow] = REFUSALS | VERDICTS
_UNKNOWN = ErrorRow("unknown", broker_code="PLATFORM_ERROR")
#: What a status means when YouTube names no reason.
_BY_STATUS = {401: "authError", 403: "forbidden"}


def read_error(reply: Reply) -> PlatformError | None:
    """Reads `{"error": {code, message, errors: [{reason, ...}]}}`, and OAuth's `{"error", "error_description"}`."""
    error = reply.body.get("error") if isinstance(reply.body, dict) else None
    if isinstance(error, str):
        return _refusal(reply, error, str(reply.body.get("error_description") or error))
    if not isinstance(error, dict):
        return None
    listed = error.get("errors")
    first = listed[0] if isinstance(listed, list) and listed and isinstance(listed[0], dict) else {}
    reason = str(first.get("reason") or _BY_STATUS.get(reply.status) or error.get("status") or reply.status)
    return _refusal(reply, reason, str(error.get("message") or reason))


def session_gone(status: int | None) -> PlatformError:
    """The upload session has expired, or YouTube dropped it."""
    return from_row(ROWS["sessionGone"], Reply(status or 404, {}), "YouTube no longer knows the upload.", "sessionGone")


def verdict_error(status: str, reason: str | None) -> PlatformError:
    """YouTube took the video and then failed, rejected or lost it."""
    key = f"{status}/{reason}" if reason else status
    row = VERDICTS.get(key) or (media_row(_ENCODE) if status == "failed" else _rejected())
    return from_row(row, Reply(200, {}), f"YouTube did not keep the video: {key}.", key)


def _refusal(reply: Reply, reason: str, message: str) -> PlatformError:
    row = REFUSALS.get(reason) or REFUSALS.get(_BY_STATUS.get(reply.status, ""), _UNKNOWN)
    if "retry-after" in reply.headers:
        row = replace(row, retry_after=None)  # YouTube knows better
    return from_row(row, reply, message[:500], reason)
