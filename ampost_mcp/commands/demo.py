"""The main job, with no account and no network: an agent's session over Streamable HTTP against the simulator."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import anyio
import httpx
import httpx2
from mcp import Client
from mcp.client.streamable_http import streamable_http_client

from ampost_mcp.cli import PLATFORMS, CommandError

TEXT = "Hello from Ampost. One draft, several platforms, each by its own rules."
#: Seconds ahead that the demo schedules a post, and how long it waits for anything.
AHEAD, PATIENCE = 3, 30


def demo(keep: bool = False) -> int:
    """Starts a server in sandbox mode with a temporary data folder and plays the session. Exit status 0."""
    anyio.run(_until_told, keep)
    return 0


async def _until_told(keep: bool) -> None:
    """SIGTERM is heard only where something is awaited: nothing that was begun is left behind."""
    loop = asyncio.get_running_loop()
    with anyio.CancelScope() as scope:
        loop.add_signal_handler(signal.SIGTERM, scope.cancel)
        with tempfile.TemporaryDirectory(prefix="ampost-demo-") as folder:
            async with _server(Path(folder)) as (address, key):
                await _session(address, key)
                if keep:
                    loop.add_signal_handler(signal.SIGINT, scope.cancel)
                    _say(f"\nThe server stays up at {address} (API key {key}). Ctrl-C ends it.")
                    await anyio.sleep_forever()


@asynccontextmanager
async def _server(folder: Path) -> AsyncIterator[tuple[str, str]]:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    own = ("AMPOST_", *(f"{platform.upper()}_" for platform in PLATFORMS))
    env = {name: value for name, value in os.environ.items() if not name.startswith(own)}
    command = [sys.executable, "-m", "ampost_mcp", "serve", "--sandbox", "--port", str(port), "--data-dir", str(folder)]
    log = folder / "server.log"
    with log.open("w") as out:
        process = subprocess.Popen(command, env=env, stdout=out, stderr=out, cwd=folder)
    try:
        address = f"http://127.0.0.1:{port}"
        await _wait_until_ready(process, address, log)
        key = next(word for word in log.read_text().split() if word.startswith("amp_live_"))
        yield address, key.strip('"')
    finally:
        process.terminate()
        with suppress(subprocess.TimeoutExpired):
            process.wait(10)
        process.kill()
        process.wait()


async def _wait_until_ready(process: subprocess.Popen[bytes], address: str, log: Path) -> None:
    deadline = datetime.now(UTC) + timedelta(seconds=PATIENCE)
    async with httpx.AsyncClient(trust_env=False) as http:
        while datetime.now(UTC) < deadline and process.poll() is None:
            try:
                if (await http.get(f"{address}/readyz")).status_code == 200:
                    return
            except httpx.HTTPError:
                await anyio.sleep(0.05)
    raise CommandError(f"The demo's server did not start: {log.read_text()[-500:]}")


async def _session(address: str, key: str) -> None:
    http = httpx2.AsyncClient(headers={"Authorization": f"Bearer {key}"}, timeout=60, trust_env=False)
    async with http, Client(streamable_http_client(f"{address}/mcp", http_client=http)) as client:
        agent = _Agent(client)
        _say(f"Connected to {address}/mcp with {len((await client.list_tools()).tools)} tools.")
        sets = await agent.call("platform_sets_list")
        chosen = sets["sets"][0]["id"]
        accounts = await agent.call("accounts_list", platformSetId=chosen)
        _say("  " + ", ".join(f"{a['platform']} @{a['username']}" for a in accounts["accounts"]))

        await agent.call("posts_create", text="x" * 300, platforms=["twitter"], platformSetId=chosen)
        draft = await agent.call(
            "posts_create", text=TEXT, platforms=["threads", "twitter", "linkedin"], platformSetId=chosen,
            linkUrl="https://example.com/launch",
        )  # fmt: skip
        due = datetime.now(UTC) + timedelta(seconds=AHEAD)
        later = await agent.call(
            "posts_create", text="And this one was scheduled.", platforms=["facebook"], platformSetId=chosen,
            scheduledFor=due.isoformat(),
        )  # fmt: skip
        await agent.call("posts_publish", postId=draft["post"]["id"])
        posts = [await agent.until_published(each["post"]["id"]) for each in (draft, later)]
        _say("\nPublished:")
        for platform_post in [each for post in posts for each in post["platformPosts"]]:
            _say(f"  {platform_post['platform']:<10} {platform_post['url']}")
        await _check_links(posts)


class _Agent:
    """Calls tools and shows each call with its answer in a line or two."""

    def __init__(self, client: Client) -> None:
        self.client = client

    async def call(self, tool: str, **arguments: Any) -> dict[str, Any]:
        shown = json.dumps(arguments, ensure_ascii=False)
        _say(f"\n> {tool} {shown if len(shown) < 200 else shown[:197] + '...'}")
        result = await self.client.call_tool(tool, arguments)
        answer: dict[str, Any] = result.structured_content or {}
        if result.is_error:
            _say(f"  {answer['error']['code']}: {answer['error']['message']}\n  {answer['error']['hint']}")
        elif "post" in answer:
            _say(f"  {answer['post']['id']} is {answer['post']['status']}")
        return answer

    async def until_published(self, post_id: str) -> dict[str, Any]:
        with anyio.fail_after(PATIENCE):
            while post := (await self.client.call_tool("posts_get", {"postId": post_id})).structured_content or {}:
                if post["post"]["status"] == "published":
                    _say(f"\n> posts_get {post_id}\n  {post_id} is published")
                    return dict(post["post"])
                if post["post"]["status"] in ("failed", "partial"):
                    raise CommandError(f"The demo's post was not published: {post['post']['platformPosts']}")
                await anyio.sleep(0.2)
        raise AssertionError


async def _check_links(posts: list[dict[str, Any]]) -> None:
    async with httpx.AsyncClient(trust_env=False) as http:
        for url in [each["url"] for post in posts for each in post["platformPosts"]]:
            if (await http.get(url)).status_code != 200:
                raise CommandError(f"A published post's link does not open: {url}")


def _say(text: str) -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()
