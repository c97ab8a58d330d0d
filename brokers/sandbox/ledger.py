"""What was published, on disk before the platform's answer leaves: the proof that nothing went out twice."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import aiosqlite


@dataclass(frozen=True)
class Published:
    """One public post on the simulator. `media` items are `{sha256, size, mimeType, altText}` in order; `at` is unix
    seconds; `extra` holds whatever else the platform was told (settings, link, title)."""

    id: str
    platform: str
    account_id: str
    text: str
    at: float
    media: list[dict[str, Any]] = field(default_factory=list)
    extra: dict[str, Any] = field(default_factory=dict)
    url: str | None = None


class Ledger:
    """Published posts and issued credentials in SQLite (`synchronous=FULL`), or in memory when `path` is None."""

    def __init__(self, path: Path | None = None) -> None:
        self._path = path
        self._db: aiosqlite.Connection | None = None
        self.posts: list[Published] = []
        self.facts: dict[str, Any] = {}

    async def open(self) -> None:
        self._db = await aiosqlite.connect(str(self._path) if self._path else ":memory:")
        await self._db.executescript(
            "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL;"
            "CREATE TABLE IF NOT EXISTS published (seq INTEGER PRIMARY KEY, post TEXT NOT NULL);"
            "CREATE TABLE IF NOT EXISTS facts (name TEXT PRIMARY KEY, value TEXT NOT NULL);"
        )
        async with self._db.execute("SELECT post FROM published ORDER BY seq") as rows:
            self.posts = [Published(**json.loads(row[0])) async for row in rows]
        async with self._db.execute("SELECT name, value FROM facts") as rows:
            self.facts = {row[0]: json.loads(row[1]) async for row in rows}

    async def close(self) -> None:
        if self._db is not None:
            await self._db.close()
            self._db = None

    async def add(self, post: Published) -> None:
        assert self._db is not None
        await self._db.execute("INSERT INTO published (post) VALUES (?)", (json.dumps(asdict(post)),))
        await self._db.commit()
        self.posts.append(post)

    async def remember(self, name: str, value: Any) -> None:
        """Keeps a JSON value across restarts (tokens, identities)."""
        assert self._db is not None
        self.facts[name] = value
        await self._db.execute("INSERT OR REPLACE INTO facts VALUES (?, ?)", (name, json.dumps(value)))
        await self._db.commit()
