"""MCP by hand: requests that the official client would not send."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx

ACCEPT = {"Accept": "application/json, text/event-stream", "Content-Type": "application/json"}
MODERN = "2026-07-28"


def message(method: str, params: dict[str, Any] | None = None, id: Any = 1) -> dict[str, Any]:
    return {"jsonrpc": "2.0", "id": id, "method": method, "params": params or {}}


def initialize() -> dict[str, Any]:
    info = {"name": "by hand", "version": "1"}
    return message("initialize", {"protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": info})


async def begin_session(http: httpx.AsyncClient) -> dict[str, str]:
    """The headers of a new session of the 2025 protocol."""
    answer = await http.post("/mcp", json=initialize(), headers=ACCEPT)
    assert answer.status_code == 200, answer.text
    return {**ACCEPT, "Mcp-Session-Id": answer.headers["mcp-session-id"], "MCP-Protocol-Version": "2025-11-25"}


def modern_headers(method: str, name: str | None = None) -> dict[str, str]:
    named = {"Mcp-Name": name} if name else {}
    return {**ACCEPT, "MCP-Protocol-Version": MODERN, "Mcp-Method": method, **named}


def modern(method: str, params: dict[str, Any] | None = None) -> dict[str, Any]:
    meta = {
        "io.modelcontextprotocol/protocolVersion": MODERN,
        "io.modelcontextprotocol/clientCapabilities": {},
        "io.modelcontextprotocol/clientInfo": {"name": "by hand", "version": "1"},
    }
    return message(method, {**(params or {}), "_meta": meta})


def tool_call(name: str, arguments: Any) -> tuple[dict[str, Any], dict[str, str]]:
    """Body and headers of a call in the 2026 protocol."""
    return modern("tools/call", {"name": name, "arguments": arguments}), modern_headers("tools/call", name)


def result_of(answer: httpx.Response) -> dict[str, Any]:
    """The JSON-RPC result of a JSON or event-stream answer."""
    text = answer.text
    if answer.headers["content-type"].startswith("text/event-stream"):
        text = [line.removeprefix("data: ") for line in text.splitlines() if line.startswith("data: ")][-1]
    result: dict[str, Any] = json.loads(text)["result"]
    return result


@asynccontextmanager
async def open_stream(http: httpx.AsyncClient, era: str) -> AsyncIterator[httpx.Response]:
    """A stream that stays open: GET in a session, or `subscriptions/listen` without one."""
    if era == "legacy":
        headers = await begin_session(http)
        request = http.stream("GET", "/mcp", headers={**headers, "Accept": "text/event-stream"})
    else:
        body = modern("subscriptions/listen", {"notifications": {"toolsListChanged": True}})
        request = http.stream("POST", "/mcp", json=body, headers=modern_headers("subscriptions/listen"))
    async with request as answer:
        assert answer.status_code == 200
        yield answer


async def ended(stream: httpx.Response) -> None:
    """Returns when the server has ended the stream in order."""
    async for _ in stream.aiter_raw():
        pass
