"""How lists and searches grow: the same questions at 1,000 posts and at a million."""

from __future__ import annotations

import argparse
import json
import random
import sqlite3
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import urlencode
from uuid import UUID

from tests.bench.load import Cost, measure, request
from tests.bench.servers import first_key, ours

QUESTIONS: tuple[dict[str, str], ...] = (
    {}, {"status": "published"}, {"platform": "threads"}, {"search": "needle in"}, {"search": "common words"},
    {"search": "nowhere at all"}, {"offset": "40"},
)  # fmt: skip


async def run(folder: Path, options: argparse.Namespace) -> None:
    small, large = folder / "small", folder / "large"
    costs = [await _measured(where, count) for where, count in ((small, 1000), (large, options.posts))]
    for question in QUESTIONS:
        few, many = (each[str(question)] for each in costs)
        print(
            f"{urlencode(question) or 'newest 20':<24} 1,000: {few.p50:6.2f} ms   {options.posts:,}: {many.p50:6.2f} ms"
            f"   {many.p50 / few.p50:.2f}x   ({many.cpu_us:.0f} us CPU)", flush=True,
        )  # fmt: skip


async def _measured(folder: Path, count: int) -> dict[str, Cost]:
    folder.mkdir()
    async with ours(folder, "--sandbox"):
        key = first_key(folder)
    fill(folder / "data" / "ampost.db", count)
    async with ours(folder, "--sandbox") as server:
        auth = {"authorization": f"Bearer {key}"}
        costs = {}
        for question in QUESTIONS:
            url = f"{server.url}/api/v1/posts?{urlencode(question)}"
            costs[str(question)] = await measure(server.pid, server.url, [request("GET", url, auth)], connections=1, seconds=2)
        return costs


def fill(path: Path, count: int) -> None:
    """Writes `count` posts of the owner straight into the tables."""
    db = sqlite3.connect(path)
    user, tag = db.execute("SELECT id, owner_tag FROM users").fetchone()
    (its_set,) = db.execute("SELECT id FROM platform_sets").fetchone()
    account = db.execute("SELECT id FROM accounts WHERE platform = 'threads'").fetchone()
    choose, began = random.Random(1), datetime(2024, 1, 1, tzinfo=UTC)
    words = "alpha bravo charlie delta echo foxtrot golf hotel india juliet kilo lima mike november oscar".split()
    db.execute("PRAGMA synchronous=OFF")
    for start in range(0, count, 10_000):
        posts, parts = [], []
        for n in range(start, min(start + 10_000, count)):
            post, at = str(UUID(int=n, version=4)), (began + timedelta(minutes=n)).strftime("%Y-%m-%d %H:%M:%S.000000")
            text = f"{' '.join(choose.choices(words, k=8))} common words {'needle in hay' if n % 50 == 3 else n}"
            status = "published" if n % 3 else "draft"
            posts.append((n + 1, post, user, its_set, text, "[]", "{}", json.dumps(["threads"]), status, at, at, text, tag))
            part = str(UUID(int=n + 2**64, version=4))
            parts.append((part, post, user, n + 1, 0, "threads", account[0], "published", 1, 1, 1, "[]", at, at))
        db.executemany(
            "INSERT INTO posts (seq, id, user_id, platform_set_id, text, media, overrides, platforms, status, created_at,"
            " updated_at, search, owner_tag) VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?)", posts,
        )  # fmt: skip
        db.executemany(
            "INSERT INTO platform_posts (id, post_id, user_id, post_seq, position, platform, account_id, status, attempts,"
            " tries, fence, notes, created_at, updated_at) VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?,?)", parts,
        )  # fmt: skip
        db.commit()
    db.execute("ANALYZE")
    db.commit()
    db.close()
