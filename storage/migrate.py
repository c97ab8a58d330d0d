"""Brings a database to this version's schema. The revisions are modules of `storage.migrations.versions`."""

from __future__ import annotations

import io
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import Connection, inspect, text

from storage.database import Database, take_turn

if TYPE_CHECKING:
    from alembic.config import Config

_FOLDER = Path(__file__).parent / "migrations"
#: Of PostgreSQL's advisory locks: one process migrates, the others wait for it.
_LOCK = 7_240_511


class NewerSchema(Exception):
    """The database was migrated by a later version than this one."""


def revisions() -> list[str]:
    """Every revision that this version knows, oldest first, by the names of their files (`v0001_first.py`)."""
    return sorted(path.name[1:5] for path in (_FOLDER / "versions").glob("v[0-9]*.py"))


def head() -> str:
    return revisions()[-1]


def revision(db: Database) -> str | None:
    """The database's revision, None for an empty one."""
    with db.engine.connect() as connection:
        return _revision(connection)


def _revision(connection: Connection) -> str | None:
    if not inspect(connection).has_table("alembic_version"):
        return None
    return connection.execute(text("SELECT version_num FROM alembic_version")).scalar()


def upgrade(db: Database) -> str | None:
    """Migrates to `head()`. Answers the path of the copy made of an SQLite file with an older schema, else None.
    Raises NewerSchema, before anything is changed."""
    found = revision(db)
    if found == head():
        return None
    if found is not None and found not in revisions():
        raise NewerSchema(
            f"The database has schema {found}, this version of ampost-mcp knows {head()} at most: "
            "install the version that made it, or a later one."
        )
    with db.engine.connect() as connection:
        connection.info["writes"] = True
        try:
            with connection.begin():
                return _run(db, connection)
        finally:
            connection.info.pop("writes", None)


def _run(db: Database, connection: Connection) -> str | None:
    """Alone: whoever waited here for another process finds the work done."""
    take_turn(connection, _LOCK)
    found = _revision(connection)
    if found == head():
        return None
    copy = _copy_aside(db) if db.is_sqlite and found is not None else None
    from alembic import command

    command.upgrade(config(connection), "head")
    return copy


def config(connection: Connection) -> Config:
    """Alembic's configuration for a connection; nothing of it is on disk."""
    from alembic.config import Config

    made = Config(stdout=io.StringIO(), attributes={"connection": connection})
    made.set_main_option("script_location", str(_FOLDER).replace("%", "%%"))
    made.set_main_option("path_separator", "os")
    return made


def _copy_aside(db: Database) -> str:
    """A copy of the file as it is now, beside it: SQLite cannot undo every change of a schema."""
    source = Path(str(db.url.database))
    copy = source.with_name(f"{source.name}.before-{head()}")
    copy.unlink(missing_ok=True)
    copy.touch(mode=0o600)
    with closing(sqlite3.connect(source)) as old, closing(sqlite3.connect(copy)) as new:
        old.backup(new)
    return str(copy)
