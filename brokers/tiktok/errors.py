"""Every error that TikTok documents, and what it means to us.

developers.tiktok.com/doc/content-posting-api-reference-direct-post, .../content-posting-api-reference-get-video-status,
.../content-posting-api-media-transfer-guide and .../oauth-error-handling, read 2026-11-22 by way of digests (assumed).
"""

from __future__ import annotations

from functools import partial
from typing import Any

from brokers.errors import ErrorRow, PlatformError, Reply, auth_row, config_row, from_row, media_row, quota_row

DAY = 86400
_RECONNECT = "Connect the TikTok account again."
_GRANT = "Connect the TikTok account again and allow everything that is asked for."
_APP = "The server's operator must correct the app's set-up at developers.tiktok.com."
_CLIENT = "The server's operator must correct TIKTOK_CLIENT_KEY, TIKTOK_CLIENT_SECRET and TIKTOK_REDIRECT_URI."
_SETTINGS = "platformOverrides.tiktok.settings"
_PRIVATE_ONLY = (
    "TikTok has not audited this app yet, so it may only post privately: make the TikTok account private in the TikTok "
    f"app, set {_SETTINGS}.privacyLevel to SELF_ONLY, then call posts_retry. The app's audit lifts this."
)
_DOMAIN = "The server's operator must verify the domain of AMPOST_PUBLIC_URL at developers.tiktok.com (URL properties)."
_TOMORROW = "The account reached TikTok's number of posts for a day: call posts_retry tomorrow."
_PENDING = "Too many posts of this account wait in TikTok: finish or delete them in the TikTok app, or retry tomorrow."
_USERS = "The app reached TikTok's number of users for a day: call posts_retry tomorrow."
_RISK = "TikTok took this post for spam: change it, and look at the account in the TikTok app."
_OPEN_APP = "Open the TikTok app with this account, do what it asks for, then call posts_retry."
_FETCH = "TikTok could not fetch the media: check that AMPOST_PUBLIC_URL is reachable from outside, then call posts_retry."
_auth = partial(auth_row, hint=_RECONNECT)

_WRONG = ErrorRow(
    "content", "TikTok did not accept this post as it is: change what the message names.", broker_code="PLATFORM_ERROR"
)
_SPAM = ErrorRow("content", _RISK)

#: `error.code` of a refused request, and the flat errors of the OAuth endpoints.
REFUSALS: dict[str, ErrorRow] = {
    "access_token_invalid": _auth("AUTH_EXPIRED"),
    "scope_not_authorized": auth_row("AUTH_REVOKED", _GRANT),
    "scope_permission_missed": auth_row("AUTH_REVOKED", _GRANT),
    "token_not_authorized_for_specified_publish_id": _auth("AUTH_REVOKED"),
    "rate_limit_exceeded": quota_row(),
    "spam_risk_too_many_posts": quota_row(_TOMORROW, DAY),
    "spam_risk_too_many_pending_share": quota_row(_PENDING, DAY),
    "reached_active_user_cap": quota_row(_USERS, DAY),
    "spam_risk_user_banned_from_posting": ErrorRow("identity", _OPEN_APP),
    "spam_risk_text": _SPAM,
    "spam_risk": _SPAM,
    "unaudited_client_can_only_post_to_private_accounts": config_row(_PRIVATE_ONLY),
    "url_ownership_unverified": config_row(_DOMAIN),
    "privacy_level_option_mismatch": ErrorRow("content", f"Choose another {_SETTINGS}.privacyLevel, or leave it out."),
    "invalid_param": _WRONG,
    "invalid_params": _WRONG,
    "invalid_publish_id": ErrorRow("unknown", "Look at the account in the TikTok app.", broker_code="PLATFORM_ERROR"),
    # It may come with HTTP 200, and proves nothing about the effect.
    "internal_error": ErrorRow("transient", broker_code="PLATFORM_ERROR", may_have_posted=True),
    "upload_refused": ErrorRow("transient", restart=True),
    "invalid_grant": _auth("REFRESH_TOKEN_EXPIRED"),
    "access_denied": _auth("AUTH_REVOKED"),
    "invalid_client": config_row(_CLIENT),
    "unauthorized_client": config_row(_CLIENT),
    "invalid_request": config_row(_APP),
    "invalid_scope": config_row(_APP),
    "unsupported_grant_type": config_row(_APP),
}

#: `fail_reason` of a post that TikTok took and then did not publish.
FAILURES: dict[str, ErrorRow] = {
    "file_format_check_failed": media_row("Give an MP4, MOV or WebM video (H.264 is safest), or JPEG or WebP photos."),
    "duration_check_failed": media_row("Cut the video to a length that TikTok takes from this account."),
    "frame_rate_check_failed": media_row("Encode the video with 23 to 60 frames a second."),
    "picture_size_check_failed": media_row("Give a video of 360 to 4096 pixels a side, or photos of at most 1080p."),
    "internal": media_row("TikTok had a fault: call posts_retry."),
    "video_pull_failed": media_row(_FETCH),
    "photo_pull_failed": media_row(_FETCH),
    "publish_cancelled": ErrorRow("content", "The post was cancelled in TikTok: call posts_retry to post it.", restart=True),
    "auth_removed": ErrorRow("identity", _RECONNECT, broker_code="AUTH_REVOKED", restart=True),
    "spam_risk_too_many_posts": ErrorRow("content", _TOMORROW, restart=True),
    "spam_risk_user_banned_from_posting": ErrorRow("identity", _OPEN_APP, restart=True),
    "spam_risk_text": ErrorRow("content", _RISK, restart=True),
    "spam_risk": ErrorRow("content", _RISK, restart=True),
}  # fmt: skip

ROWS: dict[str, ErrorRow] = FAILURES | REFUSALS
_UNKNOWN = ErrorRow("unknown", broker_code="PLATFORM_ERROR")
_UNKNOWN_FAILURE = ErrorRow("content", "Look at the account in the TikTok app, then call posts_retry.", restart=True)


def read_error(reply: Reply) -> PlatformError | None:
    """Reads `{"data", "error": {code, message, log_id}}`, where `ok` is no error, and OAuth's `{"error",
    "error_description", "log_id"}`. Either may come with HTTP 200."""
    error = reply.body.get("error") if isinstance(reply.body, dict) else None
    if isinstance(error, str) and error:
        return _refusal(reply, error, reply.body.get("error_description"))
    code = error.get("code") if isinstance(error, dict) else None
    if not isinstance(error, dict) or code == "ok" or (code is None and reply.status < 400):
        return None
    return _refusal(reply, str(code), error.get("message"))


def upload_refused(status: int | None) -> PlatformError:
    """The upload address has expired (403), or does not want these bytes (416)."""
    message = f"TikTok did not take the bytes (HTTP {status})."
    return from_row(REFUSALS["upload_refused"], Reply(status or 403, {}), message, "upload_refused")


def failure(reason: str) -> PlatformError:
    """TikTok took the post and did not publish it, for this `fail_reason`."""
    row = FAILURES.get(reason, _UNKNOWN_FAILURE)
    return from_row(row, Reply(200, {}), f"TikTok did not publish the post: {reason}.", reason)


def _refusal(reply: Reply, code: str, message: Any) -> PlatformError:
    return from_row(REFUSALS.get(code, _UNKNOWN), reply, str(message or code)[:500], code)
