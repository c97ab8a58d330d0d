"""What a platform's answer can mean. Only `platform_http` turns an answer into one of these.

Refused   PlatformError   the platform surely did not do it, and said why
NotSent                   the request surely never left (no connection)
Unclear                   it may have been done: timeout, reset, unreadable or truncated answer, 5xx
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

#: transient: temporary, the engine waits and tries again · quota: a limit, waits for `retry_after` and tries again
#: content: this post will never be taken · auth: the token is no good (refreshed once, then reconnect)
#: identity: a person must act on the platform · config: this server's set-up · unknown: refused without a known reason
Kind = Literal["transient", "quota", "content", "auth", "identity", "config", "unknown"]
RETRYABLE: frozenset[Kind] = frozenset({"transient", "quota"})

#: The specification's broker codes.
BrokerCode = Literal[
    "AUTH_EXPIRED",
    "AUTH_REVOKED",
    "REFRESH_TOKEN_EXPIRED",
    "CONNECTION_NOT_FOUND",
    "TOKEN_EXCHANGE_FAILED",
    "PROFILE_FETCH_FAILED",
    "PUBLISH_FAILED",
    "PLATFORM_ERROR",
    "INVALID_CONFIG",
]


@dataclass
class PlatformError(Exception):
    """A refusal. `code` is the product's error code, `platform_code` the platform's own (never a token, never a URL).

    `retry_after` is in seconds. `restart` drops the journal before the next try (an expired container must be rebuilt).
    `may_have_posted` marks the few refusals that a platform is known to send after it published all the same. `app_wide`
    is a quota that all accounts share.
    """

    message: str
    kind: Kind = "unknown"
    code: str = "BROKER_ERROR"
    broker_code: str | None = "PUBLISH_FAILED"
    hint: str | None = None
    platform_code: str | None = None
    status: int | None = None
    retry_after: float | None = None
    restart: bool = False
    may_have_posted: bool = False
    app_wide: bool = False

    def __str__(self) -> str:
        return self.message


class NotSent(Exception):
    """No connection was made: the request surely did not arrive."""


class Unclear(Exception):
    """The request may have taken effect; `str()` says what was seen instead of an answer."""


@dataclass(frozen=True)
class ErrorRow:
    """One documented error of a platform: what it means to us and what the user can do about it. That the server tries
    again, or that a retry may help, the engine says itself."""

    kind: Kind
    hint: str | None = None
    code: str = "BROKER_ERROR"
    broker_code: str | None = "PUBLISH_FAILED"
    restart: bool = False
    may_have_posted: bool = False
    retry_after: float | None = None
    app_wide: bool = False


def auth_row(broker_code: BrokerCode, hint: str) -> ErrorRow:
    return ErrorRow("auth", hint, broker_code=broker_code)


def config_row(hint: str) -> ErrorRow:
    """For the operator to correct."""
    return ErrorRow("config", hint, broker_code="INVALID_CONFIG")


def quota_row(hint: str | None = None, retry_after: float | None = None) -> ErrorRow:
    return ErrorRow("quota", hint, broker_code="PLATFORM_ERROR", retry_after=retry_after)


def media_row(hint: str) -> ErrorRow:
    """For a file that the platform does not take."""
    return ErrorRow("content", hint, code="MEDIA_UPLOAD_FAILED", broker_code=None)


@dataclass(frozen=True)
class Reply:
    """An HTTP answer as brokers see it. `body` is parsed JSON, or None where the answer is not JSON."""

    status: int
    headers: Mapping[str, str]
    body: Any = None
    text: str = field(default="", repr=False)


#: Reads a platform's refusal out of an answer; None when the answer is not one. Called for every answer, since some
#: platforms refuse with HTTP 200. A 4xx that it does not recognise becomes an `unknown` PlatformError by itself.
ReadError = Callable[[Reply], PlatformError | None]


def from_row(row: ErrorRow, reply: Reply, message: str, platform_code: str) -> PlatformError:
    return PlatformError(
        message,
        kind=row.kind,
        code=row.code,
        broker_code=row.broker_code if row.code == "BROKER_ERROR" or row.broker_code else None,
        hint=row.hint,
        platform_code=platform_code,
        status=reply.status,
        retry_after=row.retry_after,
        restart=row.restart,
        may_have_posted=row.may_have_posted,
        app_wide=row.app_wide,
    )
