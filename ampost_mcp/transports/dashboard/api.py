"""The dashboard's JSON routes: sessions, API keys, connecting accounts. API keys are refused here."""

from __future__ import annotations

from functools import partial
from urllib.parse import urlencode, urlsplit, urlunsplit

from pydantic import Field
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from ampost_mcp.context import App
from ampost_mcp.errors import AppError, from_faults
from ampost_mcp.fields import Id, Text
from ampost_mcp.schemas import KeyCreate, KeyRef, NoArgs, Wire
from ampost_mcp.services import connected, connections, keys, sessions
from ampost_mcp.transports.dashboard.asking import (
    address_of,
    answered_once,
    arguments,
    login_page,
    see,
    session_caller,
    wants_page,
)  # fmt: skip
from ampost_mcp.transports.dashboard.cookies import set_cookie
from ampost_mcp.transports.dashboard.looks import failure_page
from ampost_mcp.transports.http import error_response


class Login(Wire):
    email: str = Field(max_length=320)
    password: str = Field(max_length=sessions.LONGEST_PASSWORD)


class AuthUrl(Wire):
    platform_set_id: Id
    return_to: Text = "/accounts"


class OfAccount(Wire):
    account_id: Id


class ChoosePage(OfAccount):
    page_id: Id


def routes(app: App) -> list[Route]:
    return [*_sessions(app), *_keys(app), *_connections(app)]


def _sessions(app: App) -> list[Route]:
    async def log_in(request: Request) -> Response:
        if sessions.came_from_elsewhere(app, request):
            raise sessions.foreign()
        given = await arguments(request, Login)
        caller, value = await sessions.log_in(app, given.email, given.password, address_of(request))
        answer = JSONResponse({"user": {"id": caller.user_id, "email": caller.email, "tier": caller.tier}})
        set_cookie(app, answer, value)
        return answer

    async def log_out(request: Request) -> Response:
        await session_caller(app, request)
        await arguments(request, NoArgs)
        await sessions.log_out(app, request)
        answer = JSONResponse({"success": True})
        answer.delete_cookie(sessions.COOKIE)
        return answer

    return [
        Route("/api/auth/login", log_in, methods=["POST"]),
        Route("/api/auth/logout", log_out, methods=["POST"]),
    ]


def _keys(app: App) -> list[Route]:
    async def collection(request: Request) -> Response:
        caller = await session_caller(app, request)
        if request.method == "POST":
            wanted = await arguments(request, KeyCreate)
            made = await answered_once(app, request, caller, wanted, lambda: keys.create(app, caller, wanted))
            return JSONResponse(made, 201)
        asked = await arguments(request, NoArgs)
        return JSONResponse((await keys.list_keys(app, caller, asked)).model_dump(by_alias=True, mode="json"))

    async def one(request: Request) -> Response:
        caller = await session_caller(app, request)
        await arguments(request, NoArgs)
        done = await keys.revoke(app, caller, KeyRef(key_id=request.path_params["id"]))
        return JSONResponse(done.model_dump(by_alias=True, mode="json"))

    return [
        Route("/api/keys", collection, methods=["GET", "POST"]),
        Route("/api/keys/{id}", one, methods=["DELETE"]),
    ]


def _connections(app: App) -> list[Route]:
    async def auth_url(request: Request) -> Response:
        caller = await session_caller(app, request, "connectPlatform")
        asked = await arguments(request, AuthUrl)
        platform = request.path_params["platform"]
        url = await connections.auth_url(app, caller, platform, asked.platform_set_id, asked.return_to)
        return JSONResponse({"url": url})

    async def callback(request: Request) -> Response:
        """The platform sends the browser here: it is shown pages, everyone else the error object."""
        try:
            caller = await session_caller(app, request)
            done = await connections.finish(app, caller, request.path_params["platform"], _single(request))
        except AppError as error:
            if error.code == "UNAUTHORIZED" and wants_page(request):
                return login_page(request)
            if wants_page(request):
                return failure_page(error)
            return error_response(error, request.state.request_id)
        return see(with_query(done.return_to, connected=done.account_id))

    async def refresh(request: Request) -> Response:
        caller = await session_caller(app, request)
        asked = await arguments(request, OfAccount)
        platform = request.path_params["platform"]
        renew = partial(connected.refresh, app, caller, platform, asked.account_id)
        return JSONResponse(await answered_once(app, request, caller, asked, renew))

    async def disconnect(request: Request) -> Response:
        caller = await session_caller(app, request)
        asked = await arguments(request, OfAccount)
        await connected.disconnect(app, caller, request.path_params["platform"], asked.account_id)
        return JSONResponse({"success": True})

    async def pages(request: Request) -> Response:
        caller = await session_caller(app, request)
        platform = request.path_params["platform"]
        if request.method == "POST":
            chosen = await arguments(request, ChoosePage)
            choose = partial(connected.choose_page, app, caller, platform, chosen.account_id, chosen.page_id)
            return JSONResponse(await answered_once(app, request, caller, chosen, choose))
        asked = await arguments(request, OfAccount)
        found = await connected.pages(app, caller, platform, asked.account_id)
        shown = [
            {"id": page.platform_account_id, "name": page.display_name or page.username, "avatarUrl": page.avatar_url}
            for page in found
        ]
        return JSONResponse({"pages": shown})

    at = "/api/platforms/{platform}"
    return [
        Route(f"{at}/auth-url", auth_url),
        Route(f"{at}/callback", callback),
        Route(f"{at}/refresh", refresh, methods=["POST"]),
        Route(f"{at}/disconnect", disconnect, methods=["DELETE"]),
        Route(f"{at}/pages", pages, methods=["GET", "POST"]),
    ]


def _single(request: Request) -> dict[str, str]:
    """The query, in which nothing stands twice: two states or codes could be read in two ways."""
    pairs = request.query_params.multi_items()
    if len(dict(pairs)) != len(pairs):
        raise from_faults([{"code": "VALIDATION_FAILED", "field": "query", "message": "A parameter is given twice.",
                            "hint": "Begin again at /accounts."}])  # fmt: skip
    return dict(pairs)


def with_query(path: str, **more: str) -> str:
    parts = urlsplit(path)
    query = "&".join(part for part in (parts.query, urlencode(more)) if part)
    return urlunsplit(parts._replace(query=query))
