"""Stopping in order: a process of its own, told to stop while clients hold streams open."""

from __future__ import annotations

import asyncio
import json
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

from ampost_mcp.app import opened
from ampost_mcp.services import keys, users
from storage.migrate import upgrade
from tests.edge import wire
from tests.edge.conftest import settings_for

PROGRAM = """
import json, sys
from ampost_mcp.app import serve
from ampost_mcp.settings import Settings
sys.exit(serve(Settings(_env_file=None, **json.loads(sys.argv[1]))))
"""

STDIO = """
import asyncio, json, sys
from ampost_mcp import logs
from ampost_mcp.app import run_stdio
from ampost_mcp.settings import Settings
settings = Settings(_env_file=None, **json.loads(sys.argv[1]))
logs.configure(settings)
asyncio.run(run_stdio(settings))
"""


@contextmanager
def process(folder: Path, port: int) -> Iterator[subprocess.Popen[bytes]]:
    given = json.dumps({"data_dir": str(folder), "port": port, "log_format": "json"})
    with (folder / "log").open("wb") as log:
        running = subprocess.Popen([sys.executable, "-c", PROGRAM, given], stderr=log, stdout=log)
    try:
        yield running
    finally:
        running.kill()
        running.wait()


@pytest.mark.parametrize("era", ["legacy", "modern"])
async def test_a_server_with_open_streams_stops_in_order(tmp_path: Path, era: str) -> None:
    settings = settings_for(tmp_path)
    app = opened(settings)
    upgrade(app.db)
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
    upgrade(app.db)
    app.db.write_here(users.create, app.clock(), "owner@example.com", "max")
    app.db.close()
    await app.http.aclose()
    given = json.dumps({"data_dir": str(tmp_path), "port": settings.port, "log_format": "json"})

    with process(tmp_path, settings.port) as running:
        async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{settings.port}", trust_env=False) as http:
            await answering(http, running)
        command = StdioServerParameters(command=sys.executable, args=["-c", STDIO, given])
        async with Client(command) as client:
            sets = await client.call_tool("platform_sets_list", {})
            assert [each["name"] for each in sets.structured_content["sets"]] == ["Default"]  # type: ignore[index]
            refused = await client.call_tool("posts_get", {"postId": "none"})
            assert refused.structured_content["error"]["code"] == "POST_NOT_FOUND"  # type: ignore[index]
