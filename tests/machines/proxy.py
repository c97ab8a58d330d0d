"""A small proxy in front of several servers: each request goes to the next one, whatever connection it came on."""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx
from starlette.applications import Starlette
from starlette.background import BackgroundTask
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route

#: Of one connection, not of the message.
HOP = {"connection", "keep-alive", "transfer-encoding", "content-length"}
METHODS = ["GET", "POST", "PATCH", "PUT", "DELETE"]


class Proxy:
    """`servers` may be filled in after the proxy has started. With `sticky` a session of the 2025 protocol stays on the
    server that opened it. `served` counts requests by server."""

    def __init__(self, sticky: bool = False) -> None:
        self.servers: list[str] = []
        self.served: Counter[str] = Counter()
        self._sticky, self._homes, self._turn = sticky, dict[str, str](), 0
        self.app = Starlette(
            routes=[Route("/{path:path}", self._pass_on, methods=METHODS)], lifespan=self._lifespan
        )  # fmt: skip

    @asynccontextmanager
    async def _lifespan(self, app: Starlette) -> AsyncIterator[None]:
        async with httpx.AsyncClient(trust_env=False, timeout=60) as self._http:
            yield

    def _next(self, session: str | None) -> str:
        if self._sticky and session in self._homes:
            return self._homes[session]
        self._turn += 1
        return self.servers[self._turn % len(self.servers)]

    async def _pass_on(self, request: Request) -> Response:
        server = self._next(request.headers.get("mcp-session-id"))
        self.served[server] += 1
        headers = [(name, value) for name, value in request.headers.items() if name not in HOP]
        url = httpx.URL(server + request.url.path, query=request.url.query.encode())
        asked = self._http.build_request(request.method, url, headers=headers, content=await request.body())
        answer = await self._http.send(asked, stream=True)
        if opened := answer.headers.get("mcp-session-id"):
            self._homes[opened] = server
        passed = StreamingResponse(answer.aiter_raw(), answer.status_code, background=BackgroundTask(answer.aclose))
        passed.raw_headers = [(name, value) for name, value in answer.headers.raw if name.decode().lower() not in HOP]
        return passed
