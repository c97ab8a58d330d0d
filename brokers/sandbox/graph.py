"""What the simulated Meta platforms share: the Graph API's errors, tokens, parameters and field selection."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from datetime import UTC, datetime
from typing import Any, NoReturn

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from brokers.errors import ErrorRow
from brokers.sandbox.world import SimRefusal, Token, World


def graph_error(
    code: int, message: str, *, subcode: int | None = None, status: int = 400, transient: bool = False,
    shown: str | None = None, headers: Mapping[str, str] | None = None,
) -> Response:  # fmt: skip
    error: dict[str, Any] = {
        "message": message, "type": "OAuthException", "code": code, "is_transient": transient, "fbtrace_id": "Sim"
    }  # fmt: skip
    error |= {"error_subcode": subcode} if subcode else {}
    error |= {"error_user_title": message, "error_user_msg": shown} if shown else {}
    return JSONResponse({"error": error}, status, headers)


def refuse(code: int, message: str, **more: Any) -> NoReturn:
    raise SimRefusal(graph_error(code, message, **more))


def refusal(fault: str, retry_after: float) -> Response:
    """The armed faults in the Graph API's shape."""
    usage = {"sim": [{"type": "sim", "estimated_time_to_regain_access": int(retry_after // 60)}]}
    headers = {"x-business-use-case-usage": json.dumps(usage), "retry-after": str(max(1, round(retry_after)))}
    return {
        "refuse": lambda: graph_error(100, "Invalid parameter", shown="The simulator was told to refuse."),
        "rate_limit": lambda: graph_error(4, "(#4) Application request limit reached", status=403, headers=headers),
        "expired_token": lambda: graph_error(190, "Error validating access token: Session has expired", subcode=463),
    }.get(fault, lambda: graph_error(2, "An unexpected error has occurred.", status=500, transient=True))()


def documented(rows: Mapping[str, ErrorRow]) -> dict[str, tuple[int, dict[str, str], Any]]:
    """Every row that is a Graph error as (status, headers, body). `*/subcode` comes with the code 100."""
    found: dict[str, tuple[int, dict[str, str], Any]] = {}
    for key in rows:
        code, _, subcode = key.replace("*", "100").partition("/")
        if code.lstrip("-").isdigit():
            error = {"message": f"Documented error {key}", "type": "OAuthException", "code": int(code)}
            found[key] = (400, {}, {"error": error | ({"error_subcode": int(subcode)} if subcode else {})})
    return found


async def parameters(request: Request) -> dict[str, str]:
    """Query and form together, as the Graph API reads them; the token is left out."""
    given = dict(request.query_params)
    if request.method == "POST":
        given |= {name: str(value) for name, value in (await request.form()).items()}
    given.pop("access_token", None)
    return given


async def bearer(world: World, platform: str, request: Request, scopes: Collection[str]) -> Token:
    """Whose token it is; refuses none, a wrong or expired one, and one that lacks a scope."""
    scheme, _, value = request.headers.get("authorization", "").partition(" ")
    if scheme not in ("Bearer", "OAuth"):
        form = await request.form() if request.method == "POST" else {}
        value = request.query_params.get("access_token") or str(form.get("access_token", ""))
    if not value:
        refuse(104, "An access token is required to request this resource.", status=401)
    token = world.token(platform, value)
    if token is None:
        expired = value in world.tokens and world.tokens[value].platform == platform
        refuse(190, "Error validating access token", subcode=463 if expired else None, status=401)
    if "*" not in token.scopes and not set(scopes) <= set(token.scopes):
        refuse(10, "(#10) Application does not have permission for this action", status=403)
    return token


def only(given: Mapping[str, str], allowed: Collection[str]) -> None:
    if unknown := sorted(set(given) - set(allowed)):
        refuse(100, f"(#100) Unexpected parameter: {', '.join(unknown)}")


def select(values: Mapping[str, Any], fields: str | None, also: Collection[str] = ()) -> dict[str, Any]:
    """The asked fields of an object and its id; a field that it cannot have is refused, an empty one left out."""
    asked = [name for name in (fields or "").split(",") if name]
    for name in asked:
        if name not in values and name not in also:
            refuse(100, f"(#100) Tried accessing nonexisting field ({name})")
    return {"id": values["id"]} | {name: values[name] for name in asked if values.get(name) is not None}


def stamp(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%S+0000")


def not_found(node: str) -> NoReturn:
    message = f"Unsupported request. Object with ID '{node}' does not exist, cannot be loaded due to missing permissions"
    refuse(100, message, subcode=33)


def step_of_node(request: Request) -> str:
    """Reading an object is waiting for it when its status is asked."""
    return "wait" if "status" in request.query_params.get("fields", "") else "read"
