"""Stopping in order: a process of its own, told to stop while clients hold streams open."""

from __future__ import annotations

import asyncio
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest
from mcp import Client, StdioServerParameters

from ampost_mcp.opening import opened
from ampost_mcp.services import keys, users
from tests.edge import wire
from tests.edge.conftest import settings_for

COMMAND = [sys.executable, "-m", "ampost_mcp"]


@contextmanager
def process(folder: Path, port: int) -> Iterator[subprocess.Popen[bytes]]:
    command = [*COMMAND, "serve", "--port", str(port), "--data-dir", str(folder)]
    with (folder / "log").open("wb") as log:
        running = subprocess.Popen(command, stderr=log, stdout=log, cwd=folder)
    try:
        yield running
    finally:
        running.kill()
        running.wait()


@pytest.mark.parametrize("era", ["legacy", "modern"])
async def test_a_server_with_open_streams_stops_in_order(tmp_path: Path, era: str) -> None:
    settings = settings_for(tmp_path)
    app = opened(settings)
    user = app.db.write_here(users.create, app.clock(), "owner@example.com", "pro")
    _, raw = app.db.write_here(keys.insert, user["id"], "test", app.clock())
    app.db.close()
    await app.http.aclose()

    with process(tmp_path, settings.port) as running:
        url = f"http://127.0.0.1:{settings.port}"
        async with httpx.AsyncClient(base_url=url, headers={"Authorization": f"Bearer {raw}"}, trust_env=False) as http:
            await answering(http, running)
            async with wire.open_stream(http, era) as stream:
                began = time.monotonic()
                running.send_signal(signal.SIGTERM)
                await wire.ended(stream)
                assert running.wait(10) == 0
                assert time.monotonic() - began < 5
    log = (tmp_path / "log").read_text()
    assert raw not in log
    assert "Traceback" not in log


async def answering(http: httpx.AsyncClient, running: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline and running.poll() is None:
        try:
            if (await http.get("/healthz")).status_code == 200:
                return
        except httpx.TransportError:
            await asyncio.sleep(0.05)
    raise AssertionError("the server did not start")


async def test_stdio_serves_the_owner_beside_a_running_server(tmp_path: Path) -> None:
    settings = settings_for(tmp_path, sandbox=False)
    app = opened(settings)
    app.db.write_here(users.create, app.clock(), "owner@example.com", "max")
    app.db.close()
    await app.http.aclose()

    with process(tmp_path, settings.port) as running:
        async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{settings.port}", trust_env=False) as http:
            await answering(http, running)
        command = StdioServerParameters(command=COMMAND[0], args=[*COMMAND[1:], "stdio", "--data-dir", str(tmp_path)])
        async with Client(command) as client:
            sets = await client.call_tool("platform_sets_list", {})
            assert [each["name"] for each in sets.structured_content["sets"]] == ["Default"]  # type: ignore[index]
            refused = await client.call_tool("posts_get", {"postId": "none"})
            assert refused.structured_content["error"]["code"] == "POST_NOT_FOUND"  # type: ignore[index]
