"""An open installation for a command that runs and ends."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from ampost_mcp import logs, opening
from ampost_mcp.context import App
from ampost_mcp.settings import load


@contextmanager
def opened(data_dir: str | None = None) -> Iterator[App]:
    """Settings, database at the current schema, key ring; closed at the end. `http` is for one event loop.

    Only warnings are logged, on stderr: what a command prints on stdout is read by scripts."""
    settings = load(data_dir=data_dir)
    logs.configure(settings.model_copy(update={"log_level": "warning"}))
    app = opening.opened(settings)
    try:
        yield app
    finally:
        app.db.close()
