"""Migrations make what the tables say, keep a copy of what was, and refuse what they do not know."""

from __future__ import annotations

import sqlite3
import stat
import threading
from pathlib import Path

import pytest
from alembic import command
from sqlalchemy import text

from storage.database import Database
from storage.migrate import NewerSchema, config, head, revision, revisions, upgrade


@pytest.fixture
def empty(tmp_path: Path):
    db = Database(f"sqlite:///{tmp_path / 'ampost.db'}")
    yield db
    db.close()


def test_a_migrated_database_is_what_the_tables_say(db: Database) -> None:
    with db.engine.connect() as connection:
        command.check(config(connection))


def test_the_revisions_follow_one_another(db: Database) -> None:
    from alembic.script import ScriptDirectory

    with db.engine.connect() as connection:
        script = ScriptDirectory.from_config(config(connection))
    assert [found.revision for found in reversed(list(script.walk_revisions()))] == revisions()
    assert script.get_heads() == [head()]
    assert revision(db) == head()


def test_a_new_database_needs_no_copy(empty: Database, tmp_path: Path) -> None:
    assert revision(empty) is None
    assert upgrade(empty) is None
    assert revision(empty) == head()
    assert upgrade(empty) is None
    assert list(tmp_path.glob("*.before-*")) == []


def test_an_older_database_is_copied_before_it_is_upgraded(empty: Database) -> None:
    with empty.engine.connect() as connection, connection.begin():
        command.upgrade(config(connection), revisions()[0])
    empty.write_here(lambda s: s.execute(text(
        "INSERT INTO users (id, email, tier, owner_tag, created_at) VALUES ('u', 'e', 'pro', 'abc', '2026-01-01')")))  # fmt: skip
    copy = upgrade(empty)
    assert copy is not None
    assert revision(empty) == head()
    assert stat.S_IMODE(Path(copy).stat().st_mode) == 0o600
    with sqlite3.connect(copy) as old:
        assert old.execute("SELECT version_num FROM alembic_version").fetchone() == (revisions()[0],)
        assert old.execute("SELECT email FROM users").fetchone() == ("e",)
    old.close()


def test_a_newer_database_is_refused_untouched(db: Database) -> None:
    db.write_here(lambda s: s.execute(text("UPDATE alembic_version SET version_num = '9999'")))
    with pytest.raises(NewerSchema, match=f"9999.*{head()}"):
        upgrade(db)
    assert revision(db) == "9999"


def test_processes_that_start_together_migrate_once(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'ampost.db'}"
    failures: list[BaseException] = []
    ready = threading.Barrier(3)

    def start() -> None:
        db = Database(url)
        try:
            ready.wait(10)
            upgrade(db)
            assert revision(db) == head()
        except BaseException as error:
            failures.append(error)
        finally:
            db.close()

    threads = [threading.Thread(target=start) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert failures == []
