"""An open installation for a command that runs and ends."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from ampost_mcp.context import App
from ampost_mcp.settings import Settings, load
from brokers import BROKERS
from brokers.platform_http import new_client
from storage.database import Database
from storage.migrate import upgrade
from storage.sealing import Keyring


@contextmanager
def opened(data_dir: str | None = None, settings: Settings | None = None) -> Iterator[App]:
    """Settings, database at the current schema, key ring; closed at the end. `http` is for one event loop."""
    settings = settings or load(data_dir=data_dir)
    settings.data_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
    db = Database(settings.database)
    try:
        upgrade(db)
        yield App(settings, db, Keyring.of(settings.secrets()), new_client(), BROKERS)
    finally:
        db.close()
