"""How much memory a large video costs: `python -m tests.bench.memory [--megabytes 200]`, a line a case.

The server, the simulator and the host of the video are processes of their own; the figure is how far the server's peak
(VmHWM, which is reset before each case) rises above what the server holds before it.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable, Collection
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import httpx

from brokers.sandbox.parts import PARTS
from storage.database import Database
from storage.migrate import upgrade
from tests.bench.servers import Running, running
from tests.media.conftest import movie
from tests.prove.accounts import SECRET, lane
from tests.serving import free_port

MB = 1024 * 1024
#: The most that a case may add, whatever the size of its file (MB).
BOUND = 40
#: Seconds that a case may take.
PATIENCE = 300
ENDS = ("published", "failed", "cancelled")


@dataclass(frozen=True)
class Ground:
    """A running server with one user, an account of each platform, and a video at `path` that `hosted` serves."""

    server: Running
    http: httpx.AsyncClient
    set_id: str
    path: Path
    hosted: str

    async def upload(self) -> dict[str, Any]:
        """The post that a form with the video made; its media item is what later cases publish."""
        form = {"data": json.dumps({"content": {"text": "Uploaded"}, "platforms": ["twitter"], "platformSetId": self.set_id})}
        with self.path.open("rb") as file:
            answer = await self.http.post("/api/posts", data=form, files={"files": ("large.mp4", file, "video/mp4")})
        return dict(_said(answer)["post"])

    async def publish(self, text: str, platform: str, settings: dict[str, str], item: dict[str, Any]) -> None:
        overrides = {platform: {"settings": settings}} if settings else {}
        content = {"text": text, "media": [item], "platformOverrides": overrides}
        body = {"content": content, "platforms": [platform], "platformSetId": self.set_id}
        made = _said(await self.http.post("/api/v1/posts", json=body))["post"]
        await self.http.post(f"/api/v1/posts/{made['id']}/publish")
        while made["status"] not in ENDS:
            await asyncio.sleep(0.05)
            made = _said(await self.http.get(f"/api/v1/posts/{made['id']}"))["post"]
        assert made["status"] == "published", made


def _said(answer: httpx.Response) -> dict[str, Any]:
    assert answer.is_success, answer.text[:1000]
    return dict(answer.json())


#: Platforms that are sent the bytes, each way that there is; and two that fetch them from this server.
PUBLISHES: dict[str, tuple[str, dict[str, str]]] = {
    "X": ("twitter", {}),
    "LinkedIn": ("linkedin", {}),
    "TikTok": ("tiktok", {"privacyLevel": "SELF_ONLY"}),
    "YouTube": ("youtube", {"privacyStatus": "private"}),
    "Facebook video": ("facebook", {"placement": "feed"}),
    "Facebook reel": ("facebook", {"placement": "reel"}),
    "Facebook story": ("facebook", {"placement": "story"}),
    "Instagram (fetches)": ("instagram", {}),
    "Threads (fetches)": ("threads", {}),
}


@asynccontextmanager
async def ground(folder: Path, size: int) -> AsyncIterator[Ground]:
    """Everything in `folder`, with a video of about `size` bytes."""
    path = folder / "hosted" / "large.mp4"
    path.parent.mkdir()
    path.write_bytes(movie("mp42", (720, 1280), 20, after=size - 4096))
    (folder / "data").mkdir()
    port, log = free_port(), folder / "server.log"
    environment = {
        "AMPOST_DATA_DIR": str(folder / "data"), "AMPOST_SECRET_KEYS": SECRET, "AMPOST_PROCESSING_POLL": "0.05",
        "AMPOST_PUBLISH_WAIT": "0", "AMPOST_LOG_LEVEL": "warning",
    }  # fmt: skip
    async with _command("-m", "ampost_mcp", "sandbox", log=log) as simulator, _files(path.parent, log) as files:
        key, set_id = await _accounts(folder / "data", simulator.url)
        environment |= {
            "AMPOST_PLATFORMS_URL": simulator.url, "AMPOST_MEDIA_ALLOW": files.url.removeprefix("http://"),
        }  # fmt: skip
        command = [sys.executable, "-m", "ampost_mcp", "serve", "--port", str(port)]
        async with (
            running(command, port, log, "/healthz", **environment) as server,
            httpx.AsyncClient(
                base_url=server.url, headers={"authorization": f"Bearer {key}"}, trust_env=False, timeout=PATIENCE
            ) as http,
        ):  # fmt: skip
            yield Ground(server, http, set_id, path, f"{files.url}/large.mp4")


@asynccontextmanager
async def _command(*words: str, log: Path) -> AsyncIterator[Running]:
    port = free_port()
    async with running([sys.executable, *words, "--port", str(port)], port, log, "/") as made:
        yield made


@asynccontextmanager
async def _files(folder: Path, log: Path) -> AsyncIterator[Running]:
    port = free_port()
    command = [sys.executable, "-m", "http.server", str(port), "--bind", "127.0.0.1", "--directory", str(folder)]
    async with running(command, port, log, "/") as made:
        yield made


async def _accounts(folder: Path, simulator: str) -> tuple[str, str]:
    """A user with an account of each platform: the raw key, and the set's id."""
    accounts = {}
    async with httpx.AsyncClient(trust_env=False) as http:
        for part in PARTS:
            answer = await http.post(f"{simulator}/_control/accounts", json={"platform": part.platform})
            accounts[part.platform] = answer.json()["accounts"][0]
    db = Database(f"sqlite:///{folder.absolute()}/ampost.db")
    upgrade(db)
    made = db.write_here(lane, 0, accounts)
    db.close()
    return made


async def growth(pid: int, do: Callable[[], Awaitable[Any]]) -> float:
    """MB that the peak of process `pid` rises above what it holds now while `do` runs."""
    Path(f"/proc/{pid}/clear_refs").write_text("5")  # proc(5): resets the peak
    before = _status(pid, "VmRSS")
    await do()
    return _status(pid, "VmHWM") - before


def _status(pid: int, name: str) -> float:
    line = next(line for line in Path(f"/proc/{pid}/status").read_text().splitlines() if line.startswith(name))
    return int(line.split()[1]) / 1024


async def measure(folder: Path, size: int, names: Collection[str]) -> AsyncIterator[tuple[str, float]]:
    """The MB of the upload, then of each publish of `names` with what was uploaded, and with what is fetched by its URL."""
    async with ground(folder, size) as on:
        pid, post = on.server.pid, {}

        async def upload() -> None:
            post.update(await on.upload())

        yield "upload", await growth(pid, upload)
        item = post["media"][0]
        for name in names:
            yield name, await growth(pid, partial(on.publish, name, *PUBLISHES[name], item))
        remote = {name: value for name, value in item.items() if name != "id"} | {"url": on.hosted}
        yield "X, by URL", await growth(pid, partial(on.publish, "by URL", *PUBLISHES["X"], remote))


async def run(folder: Path, megabytes: int) -> bool:
    holds = True
    async for name, grown in measure(folder, megabytes * MB, PUBLISHES):
        holds = holds and grown < BOUND
        print(f"{name:20} {megabytes} MB: the server's peak rises by {grown:5.1f} MB", flush=True)
    print("below" if holds else "NOT below", BOUND, "MB in every case")
    return holds


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.bench.memory", description=__doc__)
    parser.add_argument("--megabytes", type=int, default=200, help="size of the video (default 200, which is the most)")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="ampost-memory-") as folder:
        sys.exit(0 if asyncio.run(run(Path(folder), options.megabytes)) else 1)


if __name__ == "__main__":
    main()
