"""Every error that X documents, and what it means to us.

Problem types: X's OpenAPI 2.167 and docs.x.com/x-api/fundamentals/response-codes-and-errors, read 2026-11-22. The
wording that tells one 403 from another is on no official page: it is as widely reported (assumed), and so are the
numbers that X kept from its older API.
"""

from __future__ import annotations

import time
from typing import Any

from brokers.errors import ErrorRow, Kind, PlatformError, Reply, config_row, from_row

_RECONNECT = "Connect the X account again."
_APP = "The server's operator must correct the app's set-up in the X developer console."
_BILLING = "The server's operator must raise the app's credits or cap in the X developer console; then call posts_retry."
_CLIENT = "The server's operator must correct TWITTER_CLIENT_ID and TWITTER_CLIENT_SECRET."


def _media(kind: Kind, hint: str | None = None, restart: bool = False) -> ErrorRow:
    return ErrorRow(kind, hint, code="MEDIA_UPLOAD_FAILED", broker_code=None, restart=restart)


def _person(hint: str) -> ErrorRow:
    return ErrorRow("identity", hint)


_EXPIRED = ErrorRow("auth", _RECONNECT, broker_code="REFRESH_TOKEN_EXPIRED")

ROWS: dict[str, ErrorRow] = {
    # Told by the wording, or by the older API's number.
    "duplicate-content": ErrorRow(
        "content",
        "X already has this text from this account, perhaps from an earlier try: look there first. "
        "To post it again, change the text.",
    ),
    "text-too-long": ErrorRow("content", "Shorten the text, or set platformOverrides.twitter.text.", "CONTENT_TOO_LONG", None),
    "video-too-long": _media("content", "Cut the video to the length that the account's X plan allows."),
    "invalid-media": _media("transient", restart=True),
    "account-suspended": _person("X suspended this account: appeal on x.com, then call posts_retry."),
    "account-locked": _person("X locked this account: log in on x.com, pass the check, then call posts_retry."),
    "looks-automated": _person("X took this for spam: log in on x.com, pass any check, then call posts_retry later."),
    "daily-limit": ErrorRow("quota", "The account reached X's number of posts for a day; retry tomorrow."),
    # Problem types.
    "invalid-request": ErrorRow(
        "content", "X did not accept this post as it is: change what the message names.", broker_code="PLATFORM_ERROR"
    ),
    "resource-not-found": _media("transient", restart=True),
    "resource-unavailable": ErrorRow("transient"),
    "disallowed-resource": ErrorRow("content", "X's rules do not allow this post; change its text or media."),
    "not-authorized-for-resource": _person("The account may not use a part of this post; check it on x.com."),
    "not-authorized-for-field": config_row(_APP),
    "field-unauthorized": config_row(_APP),
    "field-hydration-failure": ErrorRow("transient"),
    "client-forbidden": config_row("The app must belong to a project with access to X's API: see the X developer console."),
    "unsupported-authentication": config_row(_APP),
    "oauth1-permissions": config_row("The app needs Read and write permission; then connect the account again."),
    "usage-capped": config_row(_BILLING),
    "credits": config_row(_BILLING),
    "rate-limit-exceeded": ErrorRow("quota"),
    "internal-error": ErrorRow("transient", broker_code="PLATFORM_ERROR"),
    # Told by the status alone.
    "401": ErrorRow("auth", _RECONNECT, broker_code="AUTH_EXPIRED"),
    "402": config_row(_BILLING),
    "403": ErrorRow(
        "unknown",
        "X gave no reason. Check on x.com that the account may post, or connect it again with every permission.",
        broker_code="PLATFORM_ERROR",
    ),
    "413": _media("content", "The file is larger than X takes; make it smaller."),
    "429": ErrorRow("quota"),
    # OAuth (RFC 6749, section 5.2). X answers `invalid_request` where others say `invalid_grant` (assumed).
    "invalid_grant": _EXPIRED,
    "invalid_request": _EXPIRED,
    "invalid_client": config_row(_CLIENT),
    "unauthorized_client": config_row(_CLIENT),
}

UNNAMED = ErrorRow("unknown", broker_code="PLATFORM_ERROR")

#: What X says in lower case -> row. The first that fits counts.
WORDING: dict[str, str] = {
    "duplicate content": "duplicate-content",
    "status is a duplicate": "duplicate-content",
    "post a video longer than": "video-too-long",
    "media ids are invalid": "invalid-media",
    "needs to be a bit shorter": "text-too-long",
    "text is too long": "text-too-long",
    "suspended": "account-suspended",
    "temporarily locked": "account-locked",
    "might be automated": "looks-automated",
    "daily status update limit": "daily-limit",
}
NUMBERS: dict[int, str] = {
    32: "401", 64: "account-suspended", 88: "429", 89: "401", 185: "daily-limit", 186: "text-too-long",
    187: "duplicate-content", 226: "looks-automated", 324: "invalid-media", 326: "account-locked",
}  # fmt: skip


def read_error(reply: Reply) -> PlatformError | None:
    """The refusal in `problem+json`, in `{code, message}`, in an OAuth answer, or in a 2xx with `errors` alone."""
    body = reply.body if isinstance(reply.body, dict) else {}
    if reply.status < 400 and ("errors" not in body or "data" in body):
        return None
    problem = _first(body.get("errors")) if reply.status < 400 else body
    name = _name(reply.status, problem)
    error = from_row(ROWS.get(name, UNNAMED), reply, _message(reply.status, problem), name)
    error.retry_after = error.retry_after or _until_tomorrow(reply)
    return error


def _first(errors: Any) -> dict[str, Any]:
    return errors[0] if isinstance(errors, list) and errors and isinstance(errors[0], dict) else {}


def _name(status: int, problem: dict[str, Any]) -> str:
    said = " ".join(_said(problem)).lower()
    number = problem.get("code", _first(problem.get("errors")).get("code"))
    kind = str(problem.get("type", "")).rpartition("/")[2]
    told = (
        next((name for words, name in WORDING.items() if words in said), None),
        NUMBERS.get(number) if isinstance(number, int) else None,
        kind,
        problem.get("error"),
    )
    return next((name for name in told if isinstance(name, str) and name in ROWS), str(status))


def _said(problem: dict[str, Any]) -> list[str]:
    """X's own words, the most precise first."""
    told = (_first(problem.get("errors")).get("message"), problem.get("detail"), problem.get("error_description"),
            problem.get("message"), problem.get("title"), problem.get("error"))  # fmt: skip
    return [text for text in told if isinstance(text, str) and text]


def _message(status: int, problem: dict[str, Any]) -> str:
    return f"X refused the request (HTTP {status}): {next(iter(_said(problem)), 'no reason given')}"


def _until_tomorrow(reply: Reply) -> float | None:
    """Seconds until the account's 24-hour window opens, when that one is used up (header names: assumed)."""
    reset = reply.headers.get("x-user-limit-24hour-reset", "")
    if reply.headers.get("x-user-limit-24hour-remaining") != "0" or not reset.isdigit():
        return None
    return max(0.0, float(reset) - time.time())
