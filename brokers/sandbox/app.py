"""The simulator as an ASGI application: the platforms' endpoints, a control surface, and pages to look at."""

from __future__ import annotations

import asyncio
import dataclasses
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from html import escape
from pathlib import Path

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from brokers.sandbox.ledger import Ledger, Published
from brokers.sandbox.world import AFTER, BEFORE, OTHER, Fault, Handler, Part, SimRefusal, SimRoute, World

STYLE = (
    "body{font:16px/1.5 system-ui;max-width:44rem;margin:2rem auto}p{white-space:pre-wrap}"
    "article{border:1px solid #ccc;padding:1rem;margin:1rem 0;border-radius:8px}"
)


def build(ledger_path: Path | None = None, parts: Sequence[Part] | None = None) -> Starlette:
    """A simulator of every platform, or of `parts` alone, with an empty ledger or the one at `ledger_path`; its state is
    `app.state.world`."""
    from brokers.sandbox.parts import PARTS  # here, since the parts make their pages with this module

    parts = PARTS if parts is None else parts
    world = World(Ledger(ledger_path))
    world.parts = {part.platform: part for part in parts}

    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        await world.ledger.open()
        yield
        await world.ledger.close()

    routes = [
        Route("/", _front_page),
        Route("/_control/faults", _faults, methods=["GET", "POST", "DELETE"]),
        Route("/_control/published", _published),
        Route("/_control/requests", _requests, methods=["GET", "DELETE"]),
        Route("/_control/accounts", _accounts, methods=["POST"]),
        Route("/_control/settings", _settings, methods=["POST"]),
    ]
    for part in parts:
        routes += [Route(f"/{r.host}{r.path}", _endpoint(world, part, r), methods=[r.method]) for r in part.routes]
    app = Starlette(routes=routes, lifespan=lifespan)
    app.state.world = world
    return app


def url_of(request: Request, real_url: str) -> str:
    """A platform address as this simulator serves it, for upload and status URLs inside answers."""
    here = request.url
    return f"{here.scheme}://{here.netloc}{_mount(request)}/{real_url.partition('://')[2]}"


def host_of(request: Request) -> str:
    """The platform's host that a request is for, wherever this simulator is mounted."""
    return request.url.path.removeprefix(_mount(request)).split("/")[1]


def _mount(request: Request) -> str:
    """Where this simulator is mounted: `/sandbox` inside a server, "" on its own."""
    return str(request.scope.get("root_path", ""))


class _Silence(Response):
    """Never answers; ends when the client goes away. With `cut`, promises a body and breaks off inside it."""

    def __init__(self, cut: bool = False) -> None:
        super().__init__()
        self.cut = cut

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if self.cut:
            headers = [(b"content-type", b"application/json"), (b"content-length", b"4096")]
            await send({"type": "http.response.start", "status": 200, "headers": headers})
            await send({"type": "http.response.body", "body": b'{"id":', "more_body": False})
            return
        while (await receive())["type"] != "http.disconnect":
            pass


def _endpoint(world: World, part: Part, route: SimRoute) -> Callable[[Request], Awaitable[Response]]:
    async def endpoint(request: Request) -> Response:
        account = account_of(world, part.platform, request)
        told = route.step_of(request) if route.step_of else route.step
        step = told if isinstance(told, str) else await told
        world.counts[part.platform, step] += 1
        world.requests.append(
            {"platform": part.platform, "step": step, "method": request.method, "account": account,
             "host": route.host, "path": request.url.path.partition(route.host)[2], "at": world.clock()}
        )  # fmt: skip
        if delay := world.take_fault(part.platform, step, account, ("delay",)):
            await asyncio.sleep(delay.delay)
        if armed := world.take_reply(part.platform, step):
            return armed
        before = world.take_fault(part.platform, step, account, BEFORE)
        if before:
            return _Silence() if before.fault == "hang" else part.refusal(before.fault, before.retry_after)
        try:
            response = await route.handler(world, request)
        except SimRefusal as refusal:
            return refusal.response
        finally:
            if world.answer_delay and step != "page":
                await asyncio.sleep(world.answer_delay)
        after = world.take_fault(part.platform, step, account, AFTER)
        if after is None:
            return response
        return part.refusal("error_after", 0) if after.fault == "error_after" else _Silence(after.fault == "truncate")

    return endpoint


def account_of(world: World, platform: str, request: Request) -> str | None:
    """Whose token a request carries in its header or query, if anyone's."""
    scheme, _, value = request.headers.get("authorization", "").partition(" ")
    given = value if scheme in ("Bearer", "OAuth") else request.query_params.get("access_token")
    token = world.token(platform, given)
    return token.identity if token else None


async def _faults(request: Request) -> Response:
    world: World = request.app.state.world
    if request.method == "DELETE":
        world.faults.clear()
    elif request.method == "POST":
        body = await request.json()
        known = {field.name for field in dataclasses.fields(Fault)}
        body = {"retry_after" if key == "retryAfter" else key: value for key, value in body.items()}
        if not {"platform", "step", "fault"} <= set(body) <= known or body["fault"] not in BEFORE + AFTER + OTHER:
            return JSONResponse({"error": f"a fault is {sorted(known)} with fault one of {BEFORE + AFTER + OTHER}"}, 400)
        world.faults.append(Fault(**body))
    return JSONResponse({"faults": [dataclasses.asdict(fault) for fault in world.faults]})


async def _published(request: Request) -> Response:
    world: World = request.app.state.world
    platform = request.query_params.get("platform")
    posts = [dataclasses.asdict(p) for p in world.ledger.posts if platform in (None, p.platform)]
    return JSONResponse({"published": posts})


async def _requests(request: Request) -> Response:
    world: World = request.app.state.world
    if request.method == "DELETE":
        world.requests.clear()
        world.counts.clear()
    return JSONResponse({"requests": world.requests})


async def _accounts(request: Request) -> Response:
    """Makes `count` accounts of a platform and answers ids and always-valid tokens, to connect with."""
    world: World = request.app.state.world
    body = await request.json()
    made = []
    for number in range(body.get("first", 0), body.get("first", 0) + body.get("count", 1)):
        who = world.identity(body["platform"], number)
        made.append({"id": who.id, "username": who.username, "name": who.name,
                     "accessToken": world.standing_token(body["platform"], number)})  # fmt: skip
    return JSONResponse({"accounts": made})


async def _settings(request: Request) -> Response:
    world: World = request.app.state.world
    world.answer_delay = float((await request.json()).get("answerDelay", 0))
    return JSONResponse({"answerDelay": world.answer_delay})


async def _front_page(request: Request) -> Response:
    world: World = request.app.state.world
    return HTMLResponse(page("Published on the simulator", world.ledger.posts[::-1][:200]))


def page(title: str, posts: list[Published]) -> str:
    """The simulator's look: the posts as plain articles."""
    articles = "".join(
        f"<article><b>{escape(p.platform)}</b> · {escape(p.account_id)} · <code>{escape(p.id)}</code>"
        f"<p>{escape(p.text)}</p>"
        + "".join(f"<small>{escape(str(m.get('mimeType')))} {m.get('size')} bytes {escape(m.get('altText') or '')}</small> "
                  for m in p.media)
        + "".join(f"<dl><dt>{escape(k)}</dt><dd>{escape(str(v))}</dd></dl>" for k, v in p.extra.items() if v)
        + "</article>"
        for p in posts
    )  # fmt: skip
    return (
        f"<!doctype html><meta charset=utf-8><title>{escape(title)}</title><style>{STYLE}</style>"
        f"<h1>{escape(title)}</h1>{articles or '<p>Nothing yet.</p>'}"
    )


def post_page(platform: str, parameter: str = "id") -> Handler:
    """A permalink's handler: the page of one published post."""

    async def handler(world: World, request: Request) -> Response:
        post = world.find_post(platform, request.path_params[parameter])
        return HTMLResponse(page(platform, [post])) if post else HTMLResponse("Not found", 404)

    return handler
