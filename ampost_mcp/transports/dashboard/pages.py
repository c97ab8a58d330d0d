"""The dashboard's pages: plain forms that work without a script."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any
from urllib.parse import urlencode

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from ampost_mcp.context import App, Caller
from ampost_mcp.errors import AppError
from ampost_mcp.operations import BY_NAME, invoke
from ampost_mcp.parsing import parsed
from ampost_mcp.schemas import KeyCreate, KeyRef, NoArgs
from ampost_mcp.services import connected, connections, keys, sessions
from ampost_mcp.transports.dashboard.asking import (
    address_of,
    local_path,
    login_page,
    read_fields,
    see,
    session_caller,
)  # fmt: skip
from ampost_mcp.transports.dashboard.cookies import set_cookie
from ampost_mcp.transports.dashboard.looks import failure_page, page, style

Show = Callable[[Request, Caller], Awaitable[Response]]

STATUSES = ("draft", "scheduled", "queued", "posting", "published", "partial", "failed", "discarded")
FILTERS = ("status", "platform", "platformSetId", "search")
PAGE = 20


def routes(app: App) -> list[Route]:
    def signed_in(show: Show, limit: str = "apiRead") -> Any:
        """Only for someone who is signed in; a failure is a page."""

        async def endpoint(request: Request) -> Response:
            caller = None
            try:
                caller = await session_caller(app, request, limit)
                return await show(request, caller)
            except AppError as error:
                return login_page(request) if error.code == "UNAUTHORIZED" else failure_page(error, caller)

        return endpoint

    return [
        Route("/dashboard.css", style), *_login(app, signed_in), *_posts(app, signed_in), *_accounts(app, signed_in),
        *_keys(app, signed_in), *_sets(app, signed_in),
    ]  # fmt: skip


def _login(app: App, signed_in: Any) -> list[Route]:
    async def log_in(request: Request) -> Response:
        if request.method != "POST":
            return page("login.html", caller=None, error=None, email="", next=local_path(request.query_params.get("next", "/")))
        email, after = "", "/"
        try:
            if sessions.came_from_elsewhere(app, request):
                raise sessions.foreign()
            given = await read_fields(request)
            email, after = given.get("email", ""), local_path(given.get("next", "/"))
            _, value = await sessions.log_in(app, email, given.get("password", ""), address_of(request))
        except AppError as error:
            return page("login.html", error.status, caller=None, error=error, email=email, next=after)
        answer = see(after)
        set_cookie(app, answer, value)
        return answer

    async def log_out(request: Request, caller: Caller) -> Response:
        await sessions.log_out(app, request)
        answer = see("/login")
        answer.delete_cookie(sessions.COOKIE)
        return answer

    return [Route("/login", log_in, methods=["GET", "POST"]), Route("/logout", signed_in(log_out), methods=["POST"])]


def _posts(app: App, signed_in: Any) -> list[Route]:
    async def listing(request: Request, caller: Caller) -> Response:
        wanted = {name: value for name in FILTERS if (value := request.query_params.get(name))}
        offset = request.query_params.get("offset", "0")
        asked = wanted | {"limit": PAGE, "offset": int(offset) if offset.isdigit() and len(offset) < 9 else 0}
        found = await invoke(app, BY_NAME["posts_list"], caller, asked)
        sets = await invoke(app, BY_NAME["platform_sets_list"], caller, {})
        return page(
            "posts.html", caller=caller, **found, sets=sets["sets"], wanted=wanted, statuses=STATUSES,
            platforms=app.brokers, size=PAGE, query=lambda at: urlencode(wanted | {"offset": at}),
        )  # fmt: skip

    async def one(request: Request, caller: Caller) -> Response:
        found = await invoke(app, BY_NAME["posts_get"], caller, {"postId": request.path_params["id"]})
        return page("post.html", caller=caller, **found)

    def act(name: str) -> Show:
        async def run(request: Request, caller: Caller) -> Response:
            await invoke(app, BY_NAME[name], caller, {"postId": request.path_params["id"]})
            return see(f"/posts/{request.path_params['id']}")

        return run

    limits = {"publish": "publishPost", "retry": "publishPost", "delete": "createPost"}
    acts = [
        Route(f"/posts/{{id}}/{name}", signed_in(act(f"posts_{name}"), limit), methods=["POST"]) for name, limit in limits.items()
    ]
    return [Route("/", signed_in(listing)), Route("/posts/{id}", signed_in(one)), *acts]


def _accounts(app: App, signed_in: Any) -> list[Route]:
    async def listing(request: Request, caller: Caller) -> Response:
        sets = await invoke(app, BY_NAME["platform_sets_list"], caller, {})
        accounts = await invoke(app, BY_NAME["accounts_list"], caller, {})
        slots = {(each["platformSetId"], each["platform"]): each for each in accounts["accounts"]}
        return page(
            "accounts.html", caller=caller, sets=sets["sets"], slots=slots, platforms=app.brokers,
            connected=request.query_params.get("connected"),
        )  # fmt: skip

    async def connect(request: Request, caller: Caller) -> Response:
        asked = request.query_params
        platform = asked.get("platform", "")
        return see(await connections.auth_url(app, caller, platform, asked.get("set", ""), "/accounts"))

    async def refresh(request: Request, caller: Caller) -> Response:
        await connected.refresh(app, caller, request.path_params["platform"], request.path_params["id"])
        return see("/accounts")

    async def disconnect(request: Request, caller: Caller) -> Response:
        await connected.disconnect(app, caller, request.path_params["platform"], request.path_params["id"])
        return see("/accounts")

    async def pages(request: Request, caller: Caller) -> Response:
        platform, id = request.path_params["platform"], request.path_params["id"]
        if request.method == "POST":
            await connected.choose_page(app, caller, platform, id, (await read_fields(request)).get("pageId", ""))
            return see("/accounts")
        found = await connected.pages(app, caller, platform, id)
        return page("identities.html", caller=caller, pages=found, platform=platform, id=id)

    at = "/accounts/{platform}/{id}"
    return [
        Route("/accounts", signed_in(listing)),
        Route("/accounts/connect", signed_in(connect, "connectPlatform")),
        Route(f"{at}/refresh", signed_in(refresh), methods=["POST"]),
        Route(f"{at}/disconnect", signed_in(disconnect), methods=["POST"]),
        Route(f"{at}/pages", signed_in(pages), methods=["GET", "POST"]),
    ]


def _keys(app: App, signed_in: Any) -> list[Route]:
    async def listing(request: Request, caller: Caller) -> Response:
        raw = None
        if request.method == "POST":
            given = await read_fields(request)
            raw = (await keys.create(app, caller, parsed(KeyCreate, {"name": given.get("name", "")}))).raw_key
        found = await keys.list_keys(app, caller, NoArgs())
        return page("keys.html", caller=caller, keys=found.keys, raw=raw, address=app.settings.address)

    async def revoke(request: Request, caller: Caller) -> Response:
        await keys.revoke(app, caller, KeyRef(key_id=request.path_params["id"]))
        return see("/keys")

    return [
        Route("/keys", signed_in(listing), methods=["GET", "POST"]),
        Route("/keys/{id}/revoke", signed_in(revoke), methods=["POST"]),
    ]


def _sets(app: App, signed_in: Any) -> list[Route]:
    async def listing(request: Request, caller: Caller) -> Response:
        if request.method == "POST":
            given = await read_fields(request)
            await invoke(app, BY_NAME["platform_sets_create"], caller, {"name": given.get("name", "")})
            return see("/sets")
        return page("sets.html", caller=caller, **await invoke(app, BY_NAME["platform_sets_list"], caller, {}))

    async def rename(request: Request, caller: Caller) -> Response:
        name = (await read_fields(request)).get("name", "")
        return await _change(request, caller, "platform_sets_rename", name=name)

    async def make_default(request: Request, caller: Caller) -> Response:
        return await _change(request, caller, "platform_sets_rename", isDefault=True)

    async def delete(request: Request, caller: Caller) -> Response:
        return await _change(request, caller, "platform_sets_delete")

    async def _change(request: Request, caller: Caller, operation: str, **values: Any) -> Response:
        await invoke(app, BY_NAME[operation], caller, {"platformSetId": request.path_params["id"], **values})
        return see("/sets")

    acts = {"rename": rename, "default": make_default, "delete": delete}
    return [
        Route("/sets", signed_in(listing), methods=["GET", "POST"]),
        *(Route(f"/sets/{{id}}/{name}", signed_in(act, "createPost"), methods=["POST"]) for name, act in acts.items()),
    ]
