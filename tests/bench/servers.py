"""Servers under measurement, as processes on core 0."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx

from tests.serving import free_port


@dataclass(frozen=True)
class Running:
    pid: int
    url: str
    ready_after: float


@asynccontextmanager
async def running(command: list[str], port: int, log: Path, path: str, **env: str) -> AsyncIterator[Running]:
    """Starts a command pinned to core 0 and waits until `path` answers at all."""
    began = time.perf_counter()
    with log.open("a") as out:
        process = subprocess.Popen(
            command, stdout=out, stderr=out, env={**os.environ, **env},
            preexec_fn=lambda: os.sched_setaffinity(0, {0}) if (os.cpu_count() or 1) > 1 else None,
        )  # fmt: skip
    url = f"http://127.0.0.1:{port}"
    try:
        async with httpx.AsyncClient(trust_env=False) as http:
            while process.poll() is None:
                try:
                    await http.get(url + path)
                    break
                except httpx.HTTPError:
                    await asyncio.sleep(0.02)
        assert process.poll() is None, log.read_text()[-2000:]
        yield Running(process.pid, url, time.perf_counter() - began)
    finally:
        process.terminate()
        process.wait(15)


@asynccontextmanager
async def bare(kind: str, log: Path) -> AsyncIterator[Running]:
    port = free_port()
    async with running([sys.executable, "-m", "tests.bench.bare", kind, str(port)], port, log, "/") as server:
        yield server


@asynccontextmanager
async def ours(folder: Path, *flags: str, **env: str) -> AsyncIterator[Running]:
    """`ampost-mcp serve` with a tier's limits out of the way: the bench resets no windows, so it counts what it may send."""
    port = free_port()
    serve = ["-m", "tests.bench.unlimited", "serve", "--port", str(port), "--data-dir", str(folder / "data"), *flags]
    settings = {"AMPOST_LOG_LEVEL": "warning", "AMPOST_LOG_FORMAT": "json", **env}
    async with running([sys.executable, *serve], port, folder / "server.log", "/healthz", **settings) as server:
        yield server


def first_key(folder: Path) -> str:
    words = (folder / "server.log").read_text().split()
    return next(word for word in words if word.startswith("amp_live_")).strip('"')
