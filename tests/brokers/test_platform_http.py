"""What leaves through the one door to the platforms, and what its answers mean."""

from __future__ import annotations

from typing import Any

import httpx
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from brokers.errors import NotSent, Unclear
from brokers.platform_http import PlatformHttp
from tests.serving import free_port, serving


def api_at(root: str, client: httpx.AsyncClient) -> PlatformHttp:
    return PlatformHttp(client, lambda _: None, ("api.example.com",), root=root, timeout=5)


async def test_what_one_account_is_given_as_a_cookie_does_not_reach_the_platform_with_another(client: httpx.AsyncClient) -> None:
    seen: list[dict[str, Any]] = []

    async def answer(request: Request) -> Response:
        seen.append({"cookies": dict(request.cookies), "token": request.headers["authorization"]})
        response = JSONResponse({})
        response.set_cookie("who", request.headers["authorization"])
        return response

    with serving(Starlette(routes=[Route("/api.example.com/me", answer)])) as root:
        for token in ("one", "other"):
            await api_at(root, client).request("GET", "https://api.example.com/me", token=token)
    assert seen == [{"cookies": {}, "token": "Bearer one"}, {"cookies": {}, "token": "Bearer other"}]


@pytest.mark.parametrize("fresh", [False, True])
async def test_a_request_that_found_no_connection_was_not_sent(client: httpx.AsyncClient, fresh: bool) -> None:
    api = api_at(f"http://127.0.0.1:{free_port()}", client)
    with pytest.raises(NotSent, match=r"127\.0\.0\.1"):
        await (api.on_fresh_connection() if fresh else api).request("POST", "https://api.example.com/posts", json_body={})


@pytest.mark.parametrize("status", [408, 500, 503])
async def test_an_answer_that_proves_nothing_is_unclear(client: httpx.AsyncClient, status: int) -> None:
    async def answer(request: Request) -> Response:
        return JSONResponse({}, status)

    with serving(Starlette(routes=[Route("/api.example.com/posts", answer, methods=["POST"])])) as root, pytest.raises(Unclear):
        await api_at(root, client).request("POST", "https://api.example.com/posts", json_body={})
