"""The processes of a proof: a simulator with a ledger, a media server, and servers that can be started and killed."""

from __future__ import annotations

import asyncio
import io
import json
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
from PIL import Image
from sqlmodel import Session
from starlette.applications import Starlette
from starlette.responses import Response
from starlette.routing import Route

from brokers.sandbox.app import build as build_simulator
from brokers.sandbox.parts import PARTS
from storage import accounts as account_rows
from storage import keys, platform_sets, users
from storage.database import Database
from storage.migrate import upgrade
from storage.sealing import Keyring
from storage.tables import new_id
from tests.media.conftest import movie
from tests.serving import free_port, serving

SECRET = "a secret that only this proof knows of and nobody else"
PLATFORMS = tuple(part.platform for part in PARTS)


@dataclass
class Server:
    """A running server or worker, as a process id; `url` answers for servers."""

    pid: int
    url: str | None = None

    def signal(self, number: int) -> None:
        with suppress(ProcessLookupError):
            os.kill(self.pid, number)

    @property
    def alive(self) -> bool:
        try:
            os.kill(self.pid, 0)
        except ProcessLookupError:
            return False
        return True

    def kill(self) -> None:
        self.signal(signal.SIGKILL)


@dataclass
class Stage:
    """What a proof plays on. `keys` are raw API keys, one a lane of accounts; `sets` the set that belongs to each."""

    folder: Path
    database: str
    simulator: str
    media: str
    http: httpx.AsyncClient
    zygote: subprocess.Popen[str]
    keys: list[str] = field(default_factory=list)
    sets: list[str] = field(default_factory=list)
    servers: list[Server] = field(default_factory=list)

    def environment(self, **more: str) -> dict[str, str]:
        return {
            "AMPOST_DATA_DIR": str(self.folder / "data"), "AMPOST_DATABASE_URL": self.database,
            "AMPOST_SECRET_KEYS": SECRET, "AMPOST_PLATFORMS_URL": self.simulator, "AMPOST_PLATFORM_TIMEOUT": "1",
            "AMPOST_PROCESSING_POLL": "0.05", "AMPOST_PUBLISH_WAIT": "0", "AMPOST_SCHEDULING": "all",
            "AMPOST_MEDIA_ALLOW": self.media.removeprefix("http://"), "AMPOST_LOG_FORMAT": "json",
            "AMPOST_LOG_LEVEL": "warning", **more,
        }  # fmt: skip

    async def start(self, *command: str, kill: str = "", bug: str = "", **more: str) -> Server:
        """Starts `ampost-mcp COMMAND` as a fork; returns at once for workers, and servers answer soon."""
        port = free_port()
        url = f"http://127.0.0.1:{port}" if command[0] == "serve" else None
        words = [*command, *(["--port", str(port)] if url else [])]
        order = {"command": words, "env": self.environment(**more), "log": str(self.folder / "server.log"),
                 "kill": kill, "bug": bug}  # fmt: skip
        assert self.zygote.stdin and self.zygote.stdout
        self.zygote.stdin.write(json.dumps(order) + "\n")
        self.zygote.stdin.flush()
        pid = int(await asyncio.to_thread(self.zygote.stdout.readline))
        server = Server(pid, url)
        self.servers.append(server)
        return server

    async def ready(self, server: Server, seconds: float = 20) -> bool:
        """Waits until a server answers; False when it died first."""
        async with asyncio.timeout(seconds):
            while server.alive:
                try:
                    if (await self.http.get(f"{server.url}/healthz")).status_code == 200:
                        return True
                except httpx.HTTPError:
                    await asyncio.sleep(0.02)
        return False

    async def control(self, path: str, body: Any = None, method: str = "POST") -> Any:
        """The simulator's control surface."""
        return (await self.http.request(method, f"{self.simulator}/_control/{path}", json=body)).json()

    async def published(self) -> list[dict[str, Any]]:
        return list((await self.control("published", method="GET"))["published"])


@asynccontextmanager
async def stage(folder: Path, database: str | None = None, lanes: int = 2, ledger: bool = True) -> AsyncIterator[Stage]:
    """Sets everything up in `folder`: `lanes` users with one account of each platform, tier max."""
    simulator = build_simulator(folder / "ledger.db" if ledger else None)
    command = [sys.executable, "-m", "tests.prove.zygote"]
    zygote = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, start_new_session=True)
    assert zygote.stdout
    zygote.stdout.readline()
    with serving(simulator) as root, serving(_media()) as media:
        async with httpx.AsyncClient(trust_env=False, timeout=10) as http:
            url = database or f"sqlite:///{folder}/data/ampost.db"
            made = Stage(folder, url, root, media, http, zygote)
            await _populate(made, lanes)
            try:
                yield made
            finally:
                zygote.communicate()  # the end of its input ends it and all its servers


async def _populate(made: Stage, lanes: int) -> None:
    accounts = {
        platform: (await made.control("accounts", {"platform": platform, "count": lanes}))["accounts"] for platform in PLATFORMS
    }
    (made.folder / "data").mkdir(parents=True, exist_ok=True)
    db = Database(made.database)
    upgrade(db)
    for lane in range(lanes):
        key, set_id = db.write_here(_lane, lane, {p: accounts[p][lane] for p in PLATFORMS})
        made.keys.append(key)
        made.sets.append(set_id)
    db.close()


def _lane(session: Session, lane: int, accounts: dict[str, dict[str, str]]) -> tuple[str, str]:
    """A user with a key, a set and one account of each platform: the raw key and the set's id."""
    now = datetime.now(UTC)
    user = users.insert(session, f"lane{lane}-{new_id()}@example.com", "max", now)
    its_set = platform_sets.insert(session, user["id"], "Default", now, is_default=True)
    ring = Keyring.of([SECRET])
    for platform, account in accounts.items():

        def fill(account_id: str, account: dict[str, str] = account) -> dict[str, Any]:
            token = ring.seal(account["accessToken"], user["id"], account_id, "access_token")
            return {"username": account["username"], "scopes": ["*"], "access_token": token}

        account_rows.connect(session, user["id"], its_set["id"], platform, account["id"], fill, now)
    return keys.insert(session, user["id"], "proof", now)[1], its_set["id"]


def _media() -> Starlette:
    image = io.BytesIO()
    Image.new("RGB", (640, 640), "teal").save(image, "JPEG")
    video = movie("mp42", (720, 1280), 8, after=32768)
    files = {"a.jpg": (image.getvalue(), "image/jpeg"), "a.mp4": (video, "video/mp4")}

    async def one(request: Any) -> Response:
        content, kind = files[request.path_params["name"]]
        return Response(content, media_type=kind)

    app = Starlette(routes=[Route("/{name}", one)])
    app.state.files = files
    return app
