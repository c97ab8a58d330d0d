"""The first start: what it makes and says, also when two processes begin it at once."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from uuid import uuid4

import psycopg
import pytest
from sqlalchemy import text
from sqlmodel import Session

from storage import keys, users
from storage.database import Database
from storage.migrate import head, revision
from tests.commands.child import running

KEY = re.compile(r"amp_live_[\w-]{32,}")


@pytest.fixture(params=["sqlite", "postgresql"])
def empty(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """The URL of a database in which there is nothing yet."""
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path}/data/ampost.db"
        return
    root: str = request.getfixturevalue("postgres")
    name = f"first_{uuid4().hex[:12]}"
    with psycopg.connect(root, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}".encode())
        before, mark, query = root.partition("?")
        yield f"{before.rpartition('/')[0]}/{name}{mark}{query}"
        connection.execute(f"DROP DATABASE {name} WITH (FORCE)".encode())


def test_servers_that_start_at_once_on_nothing_make_one_owner(empty: str, tmp_path: Path) -> None:
    """Both become ready; one key is printed, and nothing is made twice."""
    with ExitStack() as children:
        start = {"held": True, "database_url": empty, "data_dir": str(tmp_path / "data")}
        pair = [children.enter_context(running(tmp_path, "--sandbox", **start)) for _ in range(2)]  # type: ignore[arg-type]
        for child in pair:
            child.loaded()
        for child in pair:
            child.go()
        for child in pair:
            child.until("/readyz")
        printed = [set(KEY.findall(child.said)) for child in pair]
        assert sorted(map(len, printed)) == [0, 1]
    db = Database(empty)
    try:
        assert revision(db) == head()
        assert db.read_here(_counts) == {"users": 1, "api_keys": 1, "platform_sets": 1, "accounts": 7, "alembic_version": 1}
        found = db.read_here(keys.find, printed[0].union(printed[1]).pop())
        assert found is not None and found[1].id == db.read_here(users.first)["id"]
    finally:
        db.close()


def _counts(session: Session) -> dict[str, int]:
    tables = ("users", "api_keys", "platform_sets", "accounts", "alembic_version")
    return {table: session.execute(text(f"SELECT count(*) FROM {table}")).scalar_one() for table in tables}


def test_a_first_start_says_everything_and_a_later_one_four_lines(tmp_path: Path) -> None:
    with running(tmp_path) as first:
        first.until("/healthz")
        said = first.said
    assert len(set(KEY.findall(said))) == 1
    for words in (
        f"{first.url}/mcp",
        "claude mcp add --transport http",
        '"mcpServers"',
        "ampost-mcp users password owner@localhost",
    ):
        assert words in said
    folder = tmp_path / "ampost-data"
    assert {path.name: oct(path.stat().st_mode & 0o777) for path in folder.glob("*.key")} == {"secret.key": "0o600"}
    with running(tmp_path) as later:
        later.until("/healthz")
        assert len(later.said.splitlines()) == 4 and "amp_live_" not in later.said
        later.process.terminate()
        assert later.process.wait(10) == 0
        assert len(later.said.splitlines()) == 4
