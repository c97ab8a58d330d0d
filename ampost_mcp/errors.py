"""The product's errors: one class, one table of codes, one shape."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

#: Error code -> HTTP status.
STATUS: dict[str, int] = {
    "VALIDATION_FAILED": 400,
    "NO_PLATFORMS_SELECTED": 400,
    "PLATFORM_NOT_CONNECTED": 400,
    "CONTENT_TOO_LONG": 400,
    "UNSUPPORTED_MEDIA_TYPE": 400,
    "UNSUPPORTED_MEDIA_CONFIG": 400,
    "INVALID_PLACEMENT": 400,
    "MIXED_MEDIA_NOT_SUPPORTED": 400,
    "UNAUTHORIZED": 401,
    "PLAN_UPGRADE_REQUIRED": 403,
    "FORBIDDEN": 403,
    "PAGE_IDENTITY_CONFIRMATION_REQUIRED": 403,
    "POST_NOT_FOUND": 404,
    "ACCOUNT_NOT_FOUND": 404,
    "PLATFORM_SET_NOT_FOUND": 404,
    "NOT_FOUND": 404,
    "METHOD_NOT_ALLOWED": 405,
    "INVALID_STATUS_TRANSITION": 409,
    "IDEMPOTENCY_IN_PROGRESS": 409,
    "PAYLOAD_TOO_LARGE": 413,
    "IDEMPOTENCY_KEY_REUSED": 422,
    "RATE_LIMITED": 429,
    "INTERNAL_ERROR": 500,
    "MEDIA_UPLOAD_FAILED": 502,
    "BROKER_ERROR": 502,
    "PUBLISH_OUTCOME_UNKNOWN": 502,
    "MISSED_SCHEDULE": 502,
}

#: Codes whose request may succeed unchanged later.
RETRYABLE = frozenset({"RATE_LIMITED", "IDEMPOTENCY_IN_PROGRESS", "INTERNAL_ERROR"})


@dataclass
class AppError(Exception):
    """A failure that the caller is told about. `details` entries carry their own `code`; `headers` go on the HTTP answer."""

    code: str
    message: str
    hint: str | None = None
    details: list[dict[str, Any]] = field(default_factory=list)
    retryable: bool | None = None
    headers: dict[str, str] = field(default_factory=dict)

    def __str__(self) -> str:
        return f"{self.code}: {self.message}"

    @property
    def status(self) -> int:
        return STATUS[self.code]


def envelope(error: AppError, request_id: str | None) -> dict[str, Any]:
    """The error object, the same on every door."""
    retryable = error.code in RETRYABLE if error.retryable is None else error.retryable
    return {
        "error": {
            "code": error.code,
            "message": error.message,
            "hint": error.hint,
            "details": error.details or [{"code": error.code}],
            "retryable": retryable,
            "requestId": request_id,
        }
    }


def from_faults(details: list[dict[str, Any]]) -> AppError:
    """One error for all faults of a request. Each detail is `{code, message, field, platform?, limit?, actual?, hint?}`;
    faults that share one code give the error that code, others `VALIDATION_FAILED`."""
    codes = {detail["code"] for detail in details}
    code = codes.pop() if len(codes) == 1 else "VALIDATION_FAILED"
    said = [str(detail["message"]) for detail in details if detail.get("message")]
    message = said[0] if len(said) == 1 else f"{len(details)} faults: " + " ".join(said)
    hints = list(dict.fromkeys(detail["hint"] for detail in details if detail.get("hint")))
    return AppError(code, message, " ".join(hints) or "Mend the fields named in details and send it again.", details)
