"""How creates queue: 16 writers at once, each answer after its commit is on disk; and a large schedule at rest."""

from __future__ import annotations

import argparse
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx

from tests.bench.load import measure, request
from tests.bench.requests import a_post, idle_share
from tests.bench.servers import first_key, ours

SCHEDULED = 100_000


async def run(folder: Path, options: argparse.Namespace) -> None:
    async with ours(folder, "--sandbox") as server:
        key = first_key(folder)
        auth = {"authorization": f"Bearer {key}", "content-type": "application/json"}
        async with httpx.AsyncClient(base_url=server.url, headers=auth, trust_env=False) as http:
            set_id = (await http.get("/api/v1/platform-sets")).json()["sets"][0]["id"]
            body = json.dumps(a_post(set_id)).encode()
            create = request("POST", server.url + "/api/v1/posts", auth, body)
            print(f"16 writers, creates       {await measure(server.pid, server.url, [create], connections=16, seconds=5)}")
            # Facebook schedules; a far time, so that nothing is published here.
            later = (datetime.now(UTC) + timedelta(days=300)).isoformat()
            plan = {**a_post(set_id), "platforms": ["facebook"], "scheduledFor": later}
            first = (await http.post("/api/v1/posts", json=plan)).json()["post"]["id"]
    _multiply(folder / "data" / "ampost.db", first)
    async with ours(folder, "--sandbox") as server:
        print(f"{SCHEDULED:,} scheduled, idle   {await idle_share(server):.2f} % CPU")
        url = f"{server.url}/api/v1/posts/{first}"
        times = [(datetime.now(UTC) + timedelta(days=n)).isoformat() for n in range(1, 300)]
        moves = [request("PATCH", url, auth, json.dumps({"scheduledFor": at}).encode()) for at in times]
        print(f"{SCHEDULED:,} scheduled, move   {await measure(server.pid, server.url, moves, connections=1, seconds=2)}")
        # Each of the copies once: a post is cancelled once only.
        copies = [f"{server.url}/api/v1/posts/{_copy_id('posts', n)}/cancel" for n in range(SCHEDULED)]
        cancels = [request("POST", url, auth) for url in copies]
        print(f"{SCHEDULED:,} scheduled, cancel {await measure(server.pid, server.url, cancels, connections=1, seconds=2)}")


def _copy_id(table: str, n: int) -> str:
    return f"{table[:2]}{n:034d}"


def _multiply(path: Path, post_id: str) -> None:
    """Copies a scheduled post until there are many."""
    import sqlite3

    db = sqlite3.connect(path)
    for table, key in (("posts", "id"), ("platform_posts", "post_id")):
        names = [row[1] for row in db.execute(f"PRAGMA table_info({table})")]
        row = dict(zip(names, db.execute(f"SELECT * FROM {table} WHERE {key} = ?", (post_id,)).fetchone(), strict=True))
        row.pop("seq", None)
        copies = []
        for n in range(SCHEDULED):
            copy = {**row, "id": _copy_id(table, n)}
            if table == "platform_posts":
                copy |= {"post_id": _copy_id("posts", n)}
            copies.append(tuple(copy.values()))
        marks = ",".join("?" * len(row))
        db.executemany(f"INSERT INTO {table} ({','.join(row)}) VALUES ({marks})", copies)
        db.commit()
    db.close()
