"""An open installation for a command that runs and ends."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from ampost_mcp import opening
from ampost_mcp.context import App
from ampost_mcp.settings import load


@contextmanager
def opened(data_dir: str | None = None) -> Iterator[App]:
    """Settings, database at the current schema, key ring; closed at the end. `http` is for one event loop."""
    app = opening.opened(load(data_dir=data_dir))
    try:
        yield app
    finally:
        app.db.close()
