"""What a request costs: ours beside a bare SDK echo tool of the same era and a bare Starlette echo."""

from __future__ import annotations

import argparse
import asyncio
import json
from pathlib import Path
from typing import Any

import httpx

from tests.bench.load import CONNECTIONS, Cost, cpu_seconds, measure, request, resident_mb
from tests.bench.servers import Running, bare, first_key, ours

JSON = {"content-type": "application/json", "accept": "application/json, text/event-stream"}
MODERN, LEGACY = "2026-07-28", "2025-11-25"
#: Seconds: until a started server is idle, and of looking at it then.
SETTLE, IDLE = 10, 20


async def run(folder: Path, options: argparse.Namespace) -> None:
    async with bare("sdk", folder / "sdk.log") as sdk, bare("starlette", folder / "starlette.log") as starlette:
        echo = {era: await _tool(sdk, era, {}, "echo", {"text": "hello"}) for era in (MODERN, LEGACY)}
        base = {era: await measure(sdk.pid, sdk.url + "/mcp", sent) for era, sent in echo.items()}
        plain = await measure(starlette.pid, starlette.url, [request("GET", starlette.url + "/echo", {})])
    for era, cost in base.items():
        _print(f"bare SDK echo, {era}", cost)
    _print("bare Starlette echo", plain)
    async with ours(folder, "--sandbox") as server:
        print(f"{'ready after':<34}{server.ready_after:7.2f} s")
        await _idle(server)
        await _ours(server, first_key(folder), base)
        print(f"{'memory after the load':<34}{resident_mb(server.pid):7.0f} MB")


async def _idle(server: Running) -> None:
    share = await idle_share(server)
    print(f"{'idle':<34}{resident_mb(server.pid):7.0f} MB  {share:.2f} % CPU")


async def idle_share(server: Running) -> float:
    """Percent of a core, once what a start brings with it is over."""
    await asyncio.sleep(SETTLE)
    before = cpu_seconds(server.pid)
    await asyncio.sleep(IDLE)
    return (cpu_seconds(server.pid) - before) / IDLE * 100


async def _ours(server: Running, key: str, base: dict[str, Cost]) -> None:
    auth = {"authorization": f"Bearer {key}"}
    async with httpx.AsyncClient(base_url=server.url, headers=auth, trust_env=False) as http:
        set_id = (await http.get("/api/v1/platform-sets")).json()["sets"][0]["id"]
        post_id = (await http.post("/api/v1/posts", json=a_post(set_id))).json().get("post", {}).get("id")
        if post_id is None:  # no account in the set: the bench connects the simulator's
            raise SystemExit("the bench needs a connected account")
    for era in (MODERN, LEGACY):
        for tool, arguments in (
            ("posts_get", {"postId": post_id}), ("posts_list", {}), ("posts_create", flat(a_post(set_id))),
        ):  # fmt: skip
            sent = await _tool(server, era, auth, tool, arguments)
            cost = await measure(server.pid, server.url, sent)
            times = f"  {cost.cpu_us / base[era].cpu_us:.2f}x the bare echo" if tool == "posts_get" else ""
            _print(f"{tool}, {era}", cost, times)
    for name, path in (("REST get", f"/api/v1/posts/{post_id}"), ("REST list", "/api/v1/posts")):
        _print(name, await measure(server.pid, server.url, [request("GET", server.url + path, auth)]))


async def _tool(server: Running, era: str, auth: dict[str, str], name: str, arguments: dict[str, Any]) -> list[bytes]:
    """A `tools/call` of an era for each connection; the legacy ones belong to a session that is opened here, in which no
    two requests under way may have one id."""
    url, headers = f"{server.url}/mcp", {**JSON, **auth, "mcp-protocol-version": era}
    params: dict[str, Any] = {"name": name, "arguments": arguments}
    if era == MODERN:
        headers |= {"mcp-method": "tools/call", "mcp-name": name}
        params["_meta"] = {
            "io.modelcontextprotocol/protocolVersion": era,
            "io.modelcontextprotocol/clientInfo": {"name": "bench", "version": "1"},
            "io.modelcontextprotocol/clientCapabilities": {},
        }
    else:
        hello = {"protocolVersion": era, "capabilities": {}, "clientInfo": {"name": "bench", "version": "1"}}
        async with httpx.AsyncClient(trust_env=False) as http:
            opened = await http.post(url, json=_rpc("initialize", hello, 0), headers={**JSON, **auth})
            headers["mcp-session-id"] = opened.headers["mcp-session-id"]
            begun = {"jsonrpc": "2.0", "method": "notifications/initialized"}
            await http.post(url, json=begun, headers=headers)
    bodies = [json.dumps(_rpc("tools/call", params, number)).encode() for number in range(1, CONNECTIONS + 1)]
    return [request("POST", url, headers, body) for body in bodies]


def _rpc(method: str, params: dict[str, Any], number: int) -> dict[str, Any]:
    return {"jsonrpc": "2.0", "id": number, "method": method, "params": params}


def a_post(set_id: str) -> dict[str, Any]:
    """The body of a create for REST."""
    text = "A text of the usual length about nothing in particular, with a #tag and https://example.com/link in it."
    return {"content": {"text": text}, "platforms": ["threads"], "platformSetId": set_id}


def flat(body: dict[str, Any]) -> dict[str, Any]:
    return {**body["content"], **{name: value for name, value in body.items() if name != "content"}}


def _print(name: str, cost: Cost, more: str = "") -> None:
    print(f"{name:<34}{cost}{more}", flush=True)
