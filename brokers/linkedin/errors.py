"""Every error that LinkedIn documents for members' posts, and what it means to us.

learn.microsoft.com/linkedin/shared/api-guide/concepts/error-handling and .../shares/posts-api, read 2026-11-22. The
numbers of 401 answers and the duplicate's code are as widely reported (assumed), and so is 426.
"""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

from brokers.errors import ErrorRow, Kind, PlatformError, Reply, auth_row, config_row, from_row

_RECONNECT = "Connect the LinkedIn account again."
_VERSION = "The server's operator must set LINKEDIN_API_VERSION to a month (YYYYMM) that LinkedIn still serves."
_CLIENT = "The server's operator must correct LINKEDIN_CLIENT_ID, LINKEDIN_CLIENT_SECRET and LINKEDIN_REDIRECT_URI."
_PRODUCT = "The LinkedIn app needs the products Share on LinkedIn and Sign In with LinkedIn; then connect the account again."
_SHORTER = "Shorten the text, or set platformOverrides.linkedin.text."
_AS_IT_IS = "LinkedIn did not accept this post as it is: change what the message names."
_auth = partial(auth_row, hint=_RECONNECT)


def _media(kind: Kind, hint: str | None = None, restart: bool = False) -> ErrorRow:
    return ErrorRow(kind, hint, code="MEDIA_UPLOAD_FAILED", broker_code=None, restart=restart)


_REFUSED = ErrorRow("content", _AS_IT_IS, broker_code="PLATFORM_ERROR")

ROWS: dict[str, ErrorRow] = {
    # 401, by serviceErrorCode or code.
    "65600": _auth("AUTH_EXPIRED"),
    "65601": _auth("AUTH_REVOKED"),
    "REVOKED_ACCESS_TOKEN": _auth("AUTH_REVOKED"),
    "65602": _auth("AUTH_EXPIRED"),
    "EXPIRED_ACCESS_TOKEN": _auth("AUTH_EXPIRED"),
    "401": _auth("AUTH_EXPIRED"),
    # 403
    "100": config_row(_PRODUCT),
    "ACCESS_DENIED": config_row(_PRODUCT),
    "403": config_row(_PRODUCT),
    # 400 and 422
    "DUPLICATE_POST": ErrorRow("content", "LinkedIn already has this post: look there. To post again, change the text."),
    "FIELD_LENGTH_TOO_LONG": ErrorRow("content", _SHORTER, "CONTENT_TOO_LONG", None),
    "INVALID_URN_TYPE": _REFUSED,
    "INVALID_URN_ID": _REFUSED,
    "MISSING_FIELD": _REFUSED,
    "UNPERMITTED_FIELD": _REFUSED,
    "INVALID_CONTENT_OWNERSHIP": _media("transient", restart=True),
    "MEDIA_ASSET_WAITING_UPLOAD": replace(_media("transient"), retry_after=60),
    "MEDIA_ASSET_PROCESSING_FAILED": _media(
        "content", "Encode the video as MP4 (H.264, AAC) of 3 seconds to 30 minutes, then post again."
    ),
    "400": _REFUSED,
    "422": _REFUSED,
    # The API itself.
    "NONEXISTENT_VERSION": config_row(_VERSION),
    "VERSION_MISSING": config_row(_VERSION),
    "426": config_row(_VERSION),
    "404": ErrorRow("content", "LinkedIn does not know something that this post names; upload the media again."),
    "CONFLICT": ErrorRow("transient"),
    "409": ErrorRow("transient"),
    "429": ErrorRow("quota", "LinkedIn's daily limit is used up; it opens at midnight UTC, then call posts_retry."),
    # OAuth (RFC 6749, section 5.2).
    "invalid_grant": _auth("REFRESH_TOKEN_EXPIRED"),
    "invalid_request": _auth("REFRESH_TOKEN_EXPIRED"),
    "invalid_client": config_row(_CLIENT),
    "unauthorized_client": config_row(_CLIENT),
    "invalid_redirect_uri": config_row(_CLIENT),
}
UNNAMED = ErrorRow("unknown", broker_code="PLATFORM_ERROR")
_DUPLICATE = re.compile(r"duplicate of (urn:li:\w+:\w+)")


def read_error(reply: Reply) -> PlatformError | None:
    """The refusal in `{message, status, code, serviceErrorCode, errorDetails}`, or in an OAuth answer."""
    if reply.status < 400:
        return None
    body = reply.body if isinstance(reply.body, dict) else {}
    name, message = _name(reply.status, body), _message(reply.status, body)
    error = from_row(ROWS.get(name, UNNAMED), reply, message, name)
    if error.kind == "quota" and "retry-after" not in reply.headers:
        error.retry_after = _until_midnight()
    if twin := duplicate_of(body):
        error.hint = f"Look at https://www.linkedin.com/feed/update/{twin}/ : it is there. To post again, change the text."
    return error


def duplicate_of(body: dict[str, Any]) -> str | None:
    """The URN of the post that LinkedIn says this one repeats."""
    found = _DUPLICATE.search(str(body.get("message", "")))
    return found[1] if found else None


def _name(status: int, body: dict[str, Any]) -> str:
    told = (
        "DUPLICATE_POST" if duplicate_of(body) else None,
        _input_error(body).get("code"),
        body.get("code"),
        body.get("serviceErrorCode"),
        body.get("error"),
    )
    return next((str(name) for name in told if str(name) in ROWS), str(status))


def _input_error(body: dict[str, Any]) -> dict[str, Any]:
    details = body.get("errorDetails")
    errors = details.get("inputErrors") if isinstance(details, dict) else None
    return errors[0] if isinstance(errors, list) and errors and isinstance(errors[0], dict) else {}


def _message(status: int, body: dict[str, Any]) -> str:
    told = (
        _input_error(body).get("description"),
        body.get("message"),
        body.get("error_description"),
        body.get("error"),
    )
    said = next((text for text in told if isinstance(text, str) and text), "no reason given")
    return f"LinkedIn refused the request (HTTP {status}): {said}"


def _until_midnight() -> float:
    """Seconds until LinkedIn's daily limits open again."""
    now = datetime.now(UTC)
    tomorrow = (now + timedelta(days=1)).replace(hour=0, minute=0, second=0, microsecond=0)
    return (tomorrow - now).total_seconds()
