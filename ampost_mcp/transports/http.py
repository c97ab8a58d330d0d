"""What every HTTP answer of the server has: a request id, safe headers, errors in the one shape, one log line."""

from __future__ import annotations

import secrets
import time
from typing import Any

import structlog
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from ampost_mcp.errors import AppError, envelope

log = structlog.get_logger("ampost.http")

#: Paths whose answers no cache may keep.
PRIVATE = ("/api/", "/mcp", "/accounts", "/keys", "/login", "/dashboard", "/settings")
#: Asked all the time by machines; not worth a line.
UNLOGGED = ("/healthz", "/readyz", "/metrics")
#: HTTP status of a refusal made by the framework -> our code.
CODES = {
    400: "VALIDATION_FAILED", 401: "UNAUTHORIZED", 403: "FORBIDDEN", 404: "NOT_FOUND", 405: "METHOD_NOT_ALLOWED",
    406: "VALIDATION_FAILED", 413: "PAYLOAD_TOO_LARGE", 415: "VALIDATION_FAILED", 421: "FORBIDDEN",
    429: "RATE_LIMITED", 503: "RATE_LIMITED",
}  # fmt: skip
#: Headers that every answer with a code has.
HEADERS = {"UNAUTHORIZED": {"WWW-Authenticate": "Bearer"}}
HINTS = {
    "NOT_FOUND": "/openapi.json and /llm.txt list what there is.",
    "METHOD_NOT_ALLOWED": "The Allow header names the methods of this path.",
}


class Outermost:
    """ASGI middleware around everything. Puts `request_id`, `headers` (more response headers) and `operation` (a name,
    for the log) into `scope["state"]`."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        began, status = time.perf_counter(), 0
        request_id = "req_" + secrets.token_hex(12)
        state = scope.setdefault("state", {})
        state |= {"request_id": request_id, "headers": {}, "operation": None}
        # httptools keeps white space behind a header's value, and the MCP SDK compares values.
        scope["headers"] = [(name, value.strip()) for name, value in scope["headers"]]
        path = scope["path"]

        async def send_with_headers(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = int(message["status"])
                message["headers"] = [*message.get("headers", ()), *_added(message, path, request_id, state["headers"])]
            await send(message)

        with structlog.contextvars.bound_contextvars(request_id=request_id):
            try:
                await self.app(scope, receive, send_with_headers)
            except ClientDisconnect:
                log.info("http.disconnected", method=scope["method"], path=path)
            except Exception:
                log.exception("http.failed", method=scope["method"], path=path)
                if not status:
                    error = AppError("INTERNAL_ERROR", "Something went wrong here; it has been logged.",
                                     "Send it again; if it stays, report the requestId.")  # fmt: skip
                    await error_response(error, request_id)(scope, receive, send_with_headers)
            if path not in UNLOGGED:
                # A tool call has a line of its own.
                is_quiet = status < 400 and (scope["method"] in ("GET", "HEAD") or path == "/mcp")
                say = log.debug if is_quiet else log.info
                say("http.request", method=scope["method"], path=path, operation=state["operation"], status=status,
                    ms=round((time.perf_counter() - began) * 1000, 1))  # fmt: skip


def _added(message: Message, path: str, request_id: str, more: dict[str, str]) -> list[tuple[bytes, bytes]]:
    headers = [(b"x-content-type-options", b"nosniff"), (b"x-request-id", request_id.encode())]
    present = {name for name, _ in message.get("headers", ())}
    if path.startswith(PRIVATE) and b"cache-control" not in present:
        headers.append((b"cache-control", b"no-store"))
    headers += [(name.lower().encode(), value.encode("latin-1")) for name, value in more.items()]
    return headers


def error_response(error: AppError, request_id: str | None, status: int | None = None) -> JSONResponse:
    headers = {**HEADERS.get(error.code, {}), **error.headers}
    return JSONResponse(envelope(error, request_id), status or error.status, headers=headers)


def refusal(status: int, message: str, request_id: str | None, *, hint: str | None = None, headers: Any = None) -> JSONResponse:
    """The error object for a refusal of the framework's or the SDK's, which keeps its status."""
    code = CODES.get(status, "VALIDATION_FAILED" if status < 500 else "INTERNAL_ERROR")
    error = AppError(code, message, hint or HINTS.get(code), headers=dict(headers or {}))
    return error_response(error, request_id, status)


async def on_app_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, AppError)
    return error_response(error, request.state.request_id)


async def on_http_exception(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    message = {404: "There is nothing at this path.", 405: f"{request.method} is not possible here."}
    said = message.get(error.status_code, error.detail)
    return refusal(error.status_code, said, request.state.request_id, headers=error.headers)


EXCEPTION_HANDLERS: dict[Any, Any] = {AppError: on_app_error, HTTPException: on_http_exception}
