"""How YouTube and Google's OAuth answer on the simulator: error shapes, callers, statuses of documented errors."""

from __future__ import annotations

from typing import Any, NoReturn

from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response

from brokers.sandbox.world import Identity, SimRefusal, World
from brokers.youtube.errors import REFUSALS

AUTH = "https://www.googleapis.com/auth/"
UPLOAD = (f"{AUTH}youtube.upload", f"{AUTH}youtube", f"{AUTH}youtube.force-ssl", f"{AUTH}youtubepartner")
READ = (f"{AUTH}youtube", f"{AUTH}youtube.readonly", f"{AUTH}youtube.force-ssl", f"{AUTH}youtubepartner")
#: Parameters of every Google API, and those that each of its uploads takes.
COMMON = {"alt", "fields", "key", "prettyPrint", "quotaUser", "uploadType"}
#: Statuses of reasons that are no 400.
STATUS = {
    "authError": 401, "required": 401, "youtubeSignupRequired": 401, "invalid_client": 401, "unauthorized_client": 401,
    "insufficientPermissions": 403, "authenticatedUserAccountClosed": 403, "authenticatedUserAccountSuspended": 403,
    "forbidden": 403, "accessNotConfigured": 403, "quotaExceeded": 403, "dailyLimitExceeded": 403,
    "rateLimitExceeded": 403, "userRateLimitExceeded": 403, "forbiddenPrivacySetting": 403,
    "forbiddenLicenseSetting": 403, "videoNotFound": 404, "sessionGone": 404, "uploadRateLimitExceeded": 429,
    "backendError": 503,
}  # fmt: skip
OAUTH = {
    "invalid_grant", "invalid_token", "unauthorized_client", "invalid_client", "redirect_uri_mismatch",
    "invalid_request", "invalid_scope",
}  # fmt: skip
_FAULTS = {"refuse": "forbidden", "rate_limit": "rateLimitExceeded", "expired_token": "authError"}


def body_of(reason: str, message: str = "") -> dict[str, Any]:
    """The error body of a reason, in the shape of the endpoint that gives it."""
    if reason in OAUTH:
        return {"error": reason, "error_description": message or "Bad Request"}
    said = message or f"The request was refused: {reason}."
    one = {"domain": "global" if reason in STATUS else "youtube.video", "reason": reason, "message": said}
    return {"error": {"code": STATUS.get(reason, 400), "message": said, "errors": [one]}}


def answer(reason: str, message: str = "", headers: dict[str, str] | None = None) -> Response:
    return JSONResponse(body_of(reason, message), STATUS.get(reason, 400), headers)


def refuse(reason: str, message: str = "") -> NoReturn:
    raise SimRefusal(answer(reason, message))


def refuse_upload(status: int, message: str) -> NoReturn:
    """Upload servers answer in plain text."""
    raise SimRefusal(PlainTextResponse(message, status))


def refusal(fault: str, retry_after: float) -> Response:
    headers = {"retry-after": str(max(1, round(retry_after)))} if fault == "rate_limit" else None
    return answer(_FAULTS.get(fault, "backendError"), headers=headers)


def errors() -> dict[str, tuple[int, dict[str, str], Any]]:
    """Every documented refusal: reason -> (status, headers, body), to arm with `world.arm_reply`."""
    return {reason: (STATUS.get(reason, 400), {}, body_of(reason)) for reason in REFUSALS}


def caller(world: World, request: Request, scopes: tuple[str, ...]) -> Identity:
    """The channel of the Bearer token, when it is good and was granted one of these scopes."""
    scheme, _, value = request.headers.get("authorization", "").partition(" ")
    token = world.token("youtube", value) if scheme == "Bearer" else None
    if token is None:
        refuse("authError", "Request had invalid authentication credentials.")
    if "*" not in token.scopes and not set(scopes) & set(token.scopes):
        refuse("insufficientPermissions", "Request had insufficient authentication scopes.")
    return world.identities["youtube", token.identity]


def only(request: Request, known: set[str], needed: tuple[str, ...] = ()) -> dict[str, str]:
    """The query; an unknown or missing parameter is refused."""
    given = dict(request.query_params)
    if unknown := sorted(set(given) - known - COMMON):
        refuse("unexpectedParameter", f"Unknown name: {unknown[0]}")
    if missing := [name for name in needed if not given.get(name)]:
        refuse("missingRequiredParameter", f"No filter or value for: {missing[0]}")
    return given


def parts(given: dict[str, str], known: set[str]) -> list[str]:
    asked = given["part"].split(",")
    if unknown := [part for part in asked if part not in known]:
        refuse("unexpectedParameter", f"Unknown part: {unknown[0]}")
    return asked
