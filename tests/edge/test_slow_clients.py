"""Half requests over a raw socket, on a server that runs out of patience within half a second."""

from __future__ import annotations

import asyncio
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import suppress

import pytest
import structlog
import uvicorn
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from ampost_mcp.transports.http import Outermost
from ampost_mcp.transports.slow_clients import Impatient
from tests.serving import free_port

HEAD = b"POST /echo HTTP/1.1\r\nHost: x\r\n"
GET = b"GET /slow HTTP/1.1\r\nHost: x\r\n\r\n"
LIMITS = {"HEAD": 0.4, "PAUSE": 0.4, "LARGEST": 4096}


@pytest.fixture(scope="module")
def port() -> Iterator[int]:
    async def echo(request: Request) -> Response:
        return PlainTextResponse(str(len(await request.body())))

    async def slow(request: Request) -> Response:
        await asyncio.sleep(1.0)  # longer than any patience: what the server does itself is not the client's delay
        return PlainTextResponse("slow")

    app = Starlette(routes=[Route("/echo", echo, methods=["POST"]), Route("/slow", slow)], middleware=[Middleware(Outermost)])
    port = free_port()
    server = uvicorn.Server(
        uvicorn.Config(
            app, port=port, log_config=None, http=type("Quick", (Impatient,), LIMITS), timeout_keep_alive=60, lifespan="off"
        )
    )
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started:
        time.sleep(0.01)
    yield port
    server.should_exit = True
    thread.join(10)


def answer(port: int, *sent: bytes, every: float = 0) -> bytes:
    """What comes back until the server closes the connection; fails when it does not within five seconds."""
    with socket.create_connection(("127.0.0.1", port), timeout=5) as client:
        for piece in sent:
            client.sendall(piece)
            time.sleep(every)
        read = b""
        while chunk := client.recv(65536):
            read += chunk
        return read


@pytest.mark.parametrize(
    ("sent", "status"),
    [
        ((), b""),
        ((b"PO",), b"408"),
        ((HEAD,), b"408"),
        ((HEAD + b"Content-Length: 10\r\n\r\n",), b"408"),
        ((HEAD + b"Content-Length: 10\r\n\r\n12345",), b"408"),
        ((HEAD + b"Transfer-Encoding: chunked\r\n\r\n5\r\n12",), b"408"),
        ((HEAD + b"X: " + b"x" * 5000,), b"431"),
        ((b"\r\n",), b"408"),
    ],
)  # fmt: skip
def test_what_does_not_arrive_is_given_up(port: int, sent: tuple[bytes, ...], status: bytes) -> None:
    assert answer(port, *sent).partition(b" ")[2][:3] == status


def test_a_connection_is_given_up_between_requests_too(port: int) -> None:
    """The second head never ends; and an empty line behind an answer holds nothing either."""
    whole = HEAD + b"Content-Length: 2\r\n\r\nok"
    for rest in (b"GET / HT", b"\r\n"):
        with socket.create_connection(("127.0.0.1", port), timeout=5) as client:
            client.sendall(whole)
            assert client.recv(65536).startswith(b"HTTP/1.1 200")
            client.sendall(rest)
            assert client.recv(65536).startswith(b"HTTP/1.1 408")
            assert client.recv(65536) == b""


def test_dripping_a_head_does_not_help_and_a_body_that_keeps_coming_is_read(port: int) -> None:
    with socket.create_connection(("127.0.0.1", port), timeout=5) as client:
        client.sendall(HEAD)
        client.settimeout(0.05)
        began, said = time.monotonic(), b""
        while not said and time.monotonic() - began < 5:
            client.sendall(b"X: y\r\n")
            with suppress(TimeoutError):
                said = client.recv(65536)
    assert b" 408 " in said
    body = [b"1"] * 12
    said = answer(port, HEAD + b"Connection: close\r\nContent-Length: 12\r\n\r\n", *body, every=0.1)
    assert said.startswith(b"HTTP/1.1 200") and said.endswith(b"12")


def test_the_servers_own_time_does_not_count(port: int) -> None:
    """A long answer, with the head of the next request half sent behind it."""
    with socket.create_connection(("127.0.0.1", port), timeout=5) as client:
        client.sendall(GET + GET[:10])
        assert client.recv(65536).startswith(b"HTTP/1.1 200")


def test_a_client_that_goes_away_is_no_fault_of_ours(port: int) -> None:
    with structlog.testing.capture_logs() as logged:
        answer(port, HEAD + b"Content-Length: 10\r\n\r\n12345")
        deadline = time.monotonic() + 5
        while not logged and time.monotonic() < deadline:
            time.sleep(0.01)
    assert "http.disconnected" in [line["event"] for line in logged]
    assert not [line for line in logged if line["log_level"] == "error"]
