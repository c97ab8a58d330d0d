"""X's refusals on the simulator, and one documented example of every error that the broker knows."""

from __future__ import annotations

import math
import time
from typing import Any, NoReturn

from starlette.responses import JSONResponse, Response

from brokers.sandbox.world import SimRefusal

PROBLEMS = "https://api.x.com/2/problems/"
INVALID = "One or more parameters to your request was invalid."
#: Status, headers and body of an error.
Example = tuple[int, dict[str, str], Any]
DUPLICATE = "You are not allowed to create a Tweet with duplicate content."


def problem(
    status: int, title: str, detail: str, kind: str | None = None, headers: dict[str, str] | None = None, **more: Any
) -> Response:
    body = {"title": title, "detail": detail, "type": PROBLEMS + kind if kind else "about:blank", "status": status}
    return JSONResponse(body | more, status, headers, media_type="application/problem+json")


def refuse(status: int, title: str, detail: str, kind: str | None = None, **more: Any) -> NoReturn:
    raise SimRefusal(problem(status, title, detail, kind, **more))


def invalid(name: str, value: Any, message: str) -> NoReturn:
    refuse(
        400, "Invalid Request", INVALID, "invalid-request",
        errors=[{"message": message, "parameters": {name: [str(value)[:80]]}}],
    )  # fmt: skip


def rate_limited(seconds: float) -> Response:
    reset = {"x-rate-limit-limit": "100", "x-rate-limit-remaining": "0",
             "x-rate-limit-reset": str(math.ceil(time.time() + seconds))}  # fmt: skip
    return problem(429, "Too Many Requests", "Too Many Requests", None, reset)


def refusal(fault: str, retry_after: float) -> Response:
    """The answers to faults that every platform knows."""
    if fault == "rate_limit":
        return rate_limited(retry_after)
    if fault == "expired_token":
        return problem(401, "Unauthorized", "Unauthorized")
    if fault == "refuse":
        return problem(403, "Forbidden", "You are not permitted to perform this action.")
    return problem(503, "Service Unavailable", "Service Unavailable")


def _typed(status: int, kind: str, detail: str, **more: Any) -> Example:
    title = kind.replace("-", " ").title()
    return status, {}, {"type": PROBLEMS + kind, "title": title, "detail": detail, "status": status, **more}


def _plain(status: int, detail: str, headers: dict[str, str] | None = None) -> Example:
    return status, headers or {}, {"type": "about:blank", "title": detail, "detail": detail, "status": status}


def _numbered(code: int, message: str, headers: dict[str, str] | None = None) -> Example:
    return 403, headers or {}, {"code": code, "message": message}


def _invalid(message: str) -> Example:
    return _typed(400, "invalid-request", INVALID, errors=[{"message": message, "parameters": {}}])


def _oauth(status: int, error: str, description: str) -> Example:
    return status, {}, {"error": error, "error_description": description}


def errors() -> dict[str, Example]:
    """Each documented error as (status, headers, body), by the name of the broker's row."""
    now = int(time.time())
    tomorrow = {"x-user-limit-24hour-remaining": "0", "x-user-limit-24hour-reset": str(now + 7200)}
    soon = {"x-rate-limit-remaining": "0", "x-rate-limit-reset": str(now + 60)}
    field = {"field": "entities", "resource_type": "tweet"}
    return {
        "duplicate-content": _plain(403, DUPLICATE),
        "text-too-long": (403, {}, {"errors": [{"code": 186, "message": "Tweet needs to be a bit shorter."}]}),
        "video-too-long": _plain(403, "This user is not allowed to post a video longer than 2 minutes."),
        "invalid-media": _invalid("Your media IDs are invalid."),
        "account-suspended": _numbered(64, "Your account is suspended."),
        "account-locked": _numbered(326, "To protect our users, this account is temporarily locked."),
        "looks-automated": _numbered(226, "This request looks like it might be automated."),
        "daily-limit": _numbered(185, "User is over daily status update limit.", tomorrow),
        "invalid-request": _invalid("text: something is odd"),
        "resource-not-found": _typed(404, "resource-not-found", "Could not find media with id: [1].", parameter="id"),
        "resource-unavailable": _typed(400, "resource-unavailable", "The resource is unavailable."),
        "disallowed-resource": _typed(403, "disallowed-resource", "The resource is disallowed."),
        "not-authorized-for-resource": _typed(403, "not-authorized-for-resource", "Sorry, you are not authorized."),
        "not-authorized-for-field": _typed(403, "not-authorized-for-field", "Sorry, not authorized.", **field),
        "field-unauthorized": _typed(403, "field-unauthorized", "Sorry, not authorized.", **field),
        "field-hydration-failure": _typed(400, "field-hydration-failure", "The field could not be read.", **field),
        "client-forbidden": _typed(403, "client-forbidden", "Attach the App to a Project.", reason="client-not-enrolled"),
        "unsupported-authentication": _typed(403, "unsupported-authentication", "Application-Only is forbidden here."),
        "oauth1-permissions": _typed(403, "oauth1-permissions", "Your client app lacks the permission."),
        "usage-capped": _typed(429, "usage-capped", "Usage cap exceeded: Monthly product cap", period="Monthly"),
        "credits": _typed(402, "credits", "Your enrolled account does not have any credits."),
        "rate-limit-exceeded": (429, soon, _typed(429, "rate-limit-exceeded", "Rate limit exceeded")[2]),
        "internal-error": _typed(400, "internal-error", "Something went wrong."),
        "401": _plain(401, "Unauthorized"),
        "402": _plain(402, "Payment Required"),
        "403": _plain(403, "You are not permitted to perform this action."),
        "413": _plain(413, "Payload Too Large"),
        "429": _plain(429, "Too Many Requests", soon),
        "invalid_grant": _oauth(400, "invalid_grant", "The grant is invalid."),
        "invalid_request": _oauth(400, "invalid_request", "Value passed for the token was invalid."),
        "invalid_client": _oauth(401, "invalid_client", "Client authentication failed."),
        "unauthorized_client": _oauth(401, "unauthorized_client", "Missing valid authorization header"),
    }
