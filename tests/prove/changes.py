"""What a run may change in a server's process apart from bugs: its pace, its clock, and a watch on its commits."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

#: Seconds between heartbeats and sweeps of a brisk publisher, and until a silent one counts as dead.
BEAT, DEAD_AFTER = 0.4, 3.0


def brisk() -> None:
    """A publisher whose heartbeats, sweeps and verdicts on the silent come several times faster."""
    from ampost_mcp.services import scheduler

    scheduler.BEAT, scheduler.DEAD_AFTER = BEAT, DEAD_AFTER


def clock_from(file: str) -> None:
    """A server whose clock is off by as many seconds as `file` says at that moment."""
    from ampost_mcp import app
    from ampost_mcp.context import App
    from ampost_mcp.settings import Settings

    opened, path = app.opened, Path(file)

    def shifted() -> datetime:
        return datetime.now(UTC) + timedelta(seconds=float(path.read_text() or 0))

    def opened_shifted(settings: Settings, *_: Any) -> App:
        return opened(settings, shifted)

    app.opened = opened_shifted


def watch_flushes(file: str) -> None:
    """Writes down, for each commit of a transaction that wrote, how SQLite is told to flush it (2 is FULL)."""
    from sqlalchemy import Connection, Engine, event

    def note(connection: Connection) -> None:
        if connection.info.get("writes"):
            (how,) = connection.connection.dbapi_connection.execute("PRAGMA synchronous").fetchone()  # type: ignore[union-attr]
            with Path(file).open("a") as notes:
                notes.write(f"{how}\n")

    event.listen(Engine, "commit", note)
