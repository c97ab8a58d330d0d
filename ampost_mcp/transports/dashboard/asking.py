"""Who asks the dashboard, how often, and with what: what its JSON routes and its pages share."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, TypeVar
from urllib.parse import parse_qsl, quote, urlsplit

from pydantic import BaseModel
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from ampost_mcp.auth import unauthorized
from ampost_mcp.context import App, Caller
from ampost_mcp.errors import AppError, from_faults
from ampost_mcp.operations import once
from ampost_mcp.parsing import parse
from ampost_mcp.services import sessions
from ampost_mcp.tiers import Limiter
from ampost_mcp.transports.reading import bad_body, read_arguments, read_body

M = TypeVar("M", bound=BaseModel)

MAX_FORM = 64 * 1024
SIGN_IN = "Sign in at /login, or with POST /api/auth/login."


async def session_caller(app: App, request: Request, limit: str = "apiRead") -> Caller:
    """The browser's user, counted against `limit`. Raises FORBIDDEN for an API key or a request from another site,
    UNAUTHORIZED without a session, RATE_LIMITED."""
    if "authorization" in request.headers:
        raise AppError(
            "FORBIDDEN", "API keys are not taken here.", "Sign in at /login; this part belongs to the dashboard."
        )  # fmt: skip
    caller = await sessions.caller(app, request)
    if caller is None:
        raise unauthorized("Nobody is signed in.", SIGN_IN)
    limiter: Limiter = app.extras["limiter"]
    quota = await limiter.admit(caller, limit)
    if quota is not None:
        request.state.headers.update(quota.headers())
    return caller


async def arguments(request: Request, model: type[M]) -> M:
    """What a JSON route was given, in its body or its query. Raises VALIDATION_FAILED with every fault."""
    raw, around = await read_arguments(request)
    args, faults = parse(model, raw)
    if around or faults or args is None:
        raise from_faults([*around, *faults])
    return args


async def answered_once(
    app: App, request: Request, caller: Caller, args: BaseModel, run: Callable[[], Awaitable[BaseModel]]
) -> dict[str, Any]:
    """The wire form of what `run` answers; with an `Idempotency-Key` the first answer to the same request."""

    async def wire() -> dict[str, Any]:
        return (await run()).model_dump(by_alias=True, mode="json")

    return await once(app, caller, request.headers.get("idempotency-key"), request.url.path, args, wire)


async def read_fields(request: Request) -> dict[str, str]:
    """The fields of a page's own form (urlencoded). Raises VALIDATION_FAILED, PAYLOAD_TOO_LARGE."""
    if "application/x-www-form-urlencoded" not in request.headers.get("content-type", ""):
        raise bad_body("This is no form.", "Use the page's own buttons.")
    body = await read_body(request, MAX_FORM)
    try:
        return dict(parse_qsl(body.decode(), keep_blank_values=True, max_num_fields=50))
    except ValueError as error:
        raise bad_body("The form cannot be read.", "Use the page's own buttons.") from error


def see(path: str) -> Response:
    return RedirectResponse(path, 303)


def login_page(request: Request) -> Response:
    """To the login, and back here afterwards when this was a page to look at."""
    asked = request.url.path + (f"?{request.url.query}" if request.url.query else "")
    return see(f"/login?next={quote(asked, safe='')}" if request.method == "GET" else "/login")


def wants_page(request: Request) -> bool:
    return "text/html" in request.headers.get("accept", "")


def address_of(request: Request) -> str:
    return request.client.host if request.client else ""


def local_path(path: str) -> str:
    """A path on this server, `/` for anything else."""
    parts = urlsplit(path)
    is_local = path.startswith("/") and not path.startswith(("//", "/\\")) and not parts.netloc and path.isprintable()
    return path if is_local and path.isascii() else "/"
