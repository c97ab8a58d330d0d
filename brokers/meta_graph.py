"""What Facebook, Instagram and Threads share: the Graph API's error shape, common errors and version."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from brokers.base import Attempt
from brokers.errors import ErrorRow, PlatformError, ReadError, Reply, Unclear, from_row, quota_row

#: Graph API version of 2026-07-29.
VERSION = "v26.0"

_RECONNECT = "Reconnect the account in the dashboard, then retry this platform."
_PERMISSIONS = "Reconnect the account and grant every permission that is asked for, then retry this platform."
_LOG_IN = "Log in to the account on the platform itself, do what it asks for, then retry this platform."

#: Errors of every Graph API: developers.facebook.com/docs/graph-api/guides/error-handling and
#: .../overview/rate-limiting, read 2026-11-22 (subcodes 464, 467 and 492: assumed).
COMMON_ROWS: dict[str, ErrorRow] = {
    "1": ErrorRow("transient", broker_code="PLATFORM_ERROR"),
    "2": ErrorRow("transient", broker_code="PLATFORM_ERROR"),
    "3": ErrorRow(
        "config",
        "The app at Meta lacks this capability: add it in its dashboard.",
        broker_code="INVALID_CONFIG",
    ),
    **{code: quota_row() for code in ("17", "32", "613")},
    **{code: replace(quota_row(), app_wide=True) for code in ("4", "341")},
    **{str(code): ErrorRow("auth", _PERMISSIONS, broker_code="AUTH_REVOKED") for code in (10, *range(200, 300))},
    "102": ErrorRow("auth", _RECONNECT, broker_code="AUTH_EXPIRED"),
    "190": ErrorRow("auth", _RECONNECT, broker_code="AUTH_EXPIRED"),
    "*/458": ErrorRow("auth", _RECONNECT, broker_code="AUTH_REVOKED"),
    "*/459": ErrorRow("identity", _LOG_IN, broker_code="AUTH_EXPIRED"),
    "*/460": ErrorRow("auth", _RECONNECT, broker_code="AUTH_REVOKED"),
    "*/463": ErrorRow("auth", _RECONNECT, broker_code="AUTH_EXPIRED"),
    "*/464": ErrorRow("identity", _LOG_IN, broker_code="AUTH_EXPIRED"),
    "*/467": ErrorRow("auth", _RECONNECT, broker_code="AUTH_REVOKED"),
    "*/492": ErrorRow("auth", _RECONNECT, broker_code="AUTH_REVOKED"),
    "368": ErrorRow("identity", "The platform blocked this action for a while. " + _LOG_IN),
}


def read_graph_error(rows: Mapping[str, ErrorRow]) -> ReadError:
    """Reads `{"error": {message, type, code, error_subcode, is_transient, error_user_msg}}`.

    `rows` is keyed by `"code/subcode"`, `"*/subcode"`, or `"code"`, looked up in this order. A quota error
    waits as long as the usage header says. The code exchanges of Instagram and Threads answer
    `{"error_type", "code", "error_message"}` instead.
    """

    def read(reply: Reply) -> PlatformError | None:
        if isinstance(reply.body, dict) and "error_type" in reply.body:
            return _exchange_error(reply)
        error = reply.body.get("error") if isinstance(reply.body, dict) else None
        if not isinstance(error, dict):
            return None
        code, subcode = error.get("code"), error.get("error_subcode")
        keys = [f"{code}/{subcode}", f"*/{subcode}", str(code)] if subcode else [str(code)]
        row = next((rows[key] for key in keys if key in rows), None)
        if row is None:
            transient = bool(error.get("is_transient"))
            row = ErrorRow("transient" if transient else "unknown", broker_code="PLATFORM_ERROR")
        said = str(error.get("error_user_msg") or error.get("message") or "The platform refused the request.")
        refusal = from_row(row, reply, said[:500], keys[0])
        if refusal.kind == "quota" and refusal.retry_after is None:
            refusal.retry_after = regain_access(reply.headers)
        return refusal

    return read


def _exchange_error(reply: Reply) -> PlatformError:
    return PlatformError(
        str(reply.body.get("error_message") or "The platform did not take the authorization code."),
        kind="auth", broker_code="TOKEN_EXCHANGE_FAILED", hint="Start connecting the account again.",
        platform_code=f"{reply.body['error_type']}/{reply.body.get('code')}", status=reply.status,
    )  # fmt: skip


def id_of(reply: Reply, name: str = "id") -> str:
    """The id in an answer; Unclear when a success carries none, since then nobody knows what was done."""
    value = reply.body.get(name) if isinstance(reply.body, dict) else None
    if not isinstance(value, str | int) or isinstance(value, bool) or not value:
        raise Unclear(f"HTTP {reply.status} without an id")
    return str(value)


def rows_in(reply: Reply) -> list[dict[str, Any]]:
    """The `data` list of an answer; Unclear when it has none."""
    rows = reply.body.get("data") if isinstance(reply.body, dict) else None
    if not isinstance(rows, list):
        raise Unclear(f"HTTP {reply.status} without a list")
    return [row for row in rows if isinstance(row, dict)]


def seen_in(rows: list[dict[str, Any]], text_field: str, text: str, attempt: Attempt) -> dict[str, Any] | None:
    """The post of a listing that has this text, appeared since the attempt began, and is no other post of ours."""
    since = attempt.started_at - timedelta(seconds=60)
    for row in rows:
        same = (row.get(text_field) or "").strip() == text.strip()
        if same and row.get("id") not in attempt.taken and _time(row.get("timestamp")) >= since:
            return row
    return None


def _time(stamp: object) -> datetime:
    try:
        found = datetime.fromisoformat(str(stamp))
    except ValueError:
        found = datetime.min
    return found if found.tzinfo else found.replace(tzinfo=UTC)


def regain_access(headers: Mapping[str, str]) -> float | None:
    """Seconds by `X-Business-Use-Case-Usage: {id: [{estimated_time_to_regain_access: minutes}]}`, or None."""
    try:
        usage = json.loads(headers.get("x-business-use-case-usage", ""))
        minutes = max(float(row["estimated_time_to_regain_access"]) for rows in usage.values() for row in rows)
    except (ValueError, TypeError, KeyError, AttributeError):
        return None
    return minutes * 60 if minutes > 0 else None
