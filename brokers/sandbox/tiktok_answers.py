"""How TikTok answers on the simulator: its envelope, callers, bodies, and statuses of documented errors."""

from __future__ import annotations

import json
from typing import Any, NoReturn

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from brokers.sandbox.world import Identity, SimRefusal, World
from brokers.tiktok.errors import REFUSALS

OAUTH = {
    "invalid_grant", "access_denied", "invalid_client", "unauthorized_client", "invalid_request", "invalid_scope",
    "unsupported_grant_type",
}  # fmt: skip
#: Statuses of codes that are no 400.
STATUS = {
    "access_token_invalid": 401, "scope_not_authorized": 401, "scope_permission_missed": 401,
    "token_not_authorized_for_specified_publish_id": 401, "rate_limit_exceeded": 429, "spam_risk_too_many_posts": 403,
    "spam_risk_too_many_pending_share": 403, "reached_active_user_cap": 403, "spam_risk_user_banned_from_posting": 403,
    "spam_risk_text": 403, "spam_risk": 403, "unaudited_client_can_only_post_to_private_accounts": 403,
    "url_ownership_unverified": 403, "privacy_level_option_mismatch": 403, "internal_error": 500,
}  # fmt: skip
_FAULTS = {"refuse": "spam_risk", "rate_limit": "rate_limit_exceeded", "expired_token": "access_token_invalid"}
_LOG = "20261122000000SIMULATED"


def body_of(code: str, message: str = "") -> dict[str, Any]:
    """The error body of a code, in the shape of the endpoint that gives it."""
    said = message or f"The request was refused: {code}."
    if code in OAUTH:
        return {"error": code, "error_description": said, "log_id": _LOG}
    return {"data": {}, "error": {"code": code, "message": said, "log_id": _LOG}}


def answer(code: str, message: str = "", headers: dict[str, str] | None = None) -> Response:
    return JSONResponse(body_of(code, message), STATUS.get(code, 400), headers)


def ok(data: dict[str, Any]) -> Response:
    return JSONResponse({"data": data, "error": {"code": "ok", "message": "", "log_id": _LOG}})


def refuse(code: str, message: str = "") -> NoReturn:
    raise SimRefusal(answer(code, message))


def refusal(fault: str, retry_after: float) -> Response:
    headers = {"retry-after": str(max(1, round(retry_after)))} if fault == "rate_limit" else None
    return answer(_FAULTS.get(fault, "internal_error"), headers=headers)


def errors() -> dict[str, tuple[int, dict[str, str], Any]]:
    """Every documented refusal of the API and of OAuth: code -> (status, headers, body)."""
    known = [code for code in REFUSALS if code != "upload_refused"]
    return {code: (STATUS.get(code, 400), {}, body_of(code)) for code in known}


def caller(world: World, request: Request, scope: str) -> Identity:
    """The account of the Bearer token, when it is good and was granted this scope."""
    scheme, _, value = request.headers.get("authorization", "").partition(" ")
    token = world.token("tiktok", value) if scheme == "Bearer" else None
    if token is None:
        refuse("access_token_invalid", "The access token is invalid or not found in the request.")
    if "*" not in token.scopes and scope not in token.scopes:
        refuse("scope_not_authorized", "The user did not authorize the scope required for completing this request.")
    return world.identities["tiktok", token.identity]


async def json_of(request: Request) -> dict[str, Any]:
    kind = request.headers.get("content-type", "").replace(" ", "").lower()
    if kind not in ("application/json;charset=utf-8", "application/json"):
        refuse("invalid_params", "The request content type must be application/json; charset=UTF-8.")
    try:
        given = json.loads(await request.body() or b"{}")
    except ValueError:
        refuse("invalid_params", "The request body is not JSON.")
    if not isinstance(given, dict):
        refuse("invalid_params", "The request body must be an object.")
    return given


def check(given: Any, fields: dict[str, type], needed: tuple[str, ...] = ()) -> dict[str, Any]:
    """An object's fields; one that is unknown, missing or of another type is refused."""
    if not isinstance(given, dict) or any(name not in given for name in needed):
        refuse("invalid_params", f"The request parameter is missing: {', '.join(needed)}")
    for name, value in given.items():
        if type(value) is not fields.get(name):
            refuse("invalid_params", f"The request parameter type is incorrect: {name}")
    return given
