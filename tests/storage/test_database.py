"""What `write` promises: one transaction each, an answer only after the commit, and nobody else's failure."""

from __future__ import annotations

import asyncio
import threading
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import JSON, text
from sqlalchemy.exc import DBAPIError, IntegrityError
from sqlmodel import Session

from storage.database import Database, parse_url


@pytest.fixture
def notes(db: Database) -> Database:
    db.write_here(lambda session: session.execute(text("CREATE TABLE notes (id INTEGER PRIMARY KEY, said TEXT UNIQUE)")))
    return db


def note(session: Session, said: str) -> str:
    session.execute(text("INSERT INTO notes (id, said) VALUES ((SELECT count(*) + 1 FROM notes), :said)"), {"said": said})
    return said


def said(session: Session) -> set[str]:
    return set(session.execute(text("SELECT said FROM notes")).scalars())


def fail(session: Session) -> None:
    note(session, "never")
    raise RuntimeError("no")


class Gate:
    """Holds the writer until all writes of a test wait for it, so that they share one transaction on SQLite."""

    def __init__(self) -> None:
        self.opened, self.reached = threading.Event(), threading.Event()

    def hold(self, _session: Session) -> None:
        self.reached.set()
        assert self.opened.wait(10)


async def together(db: Database, *writes: Any) -> list[Any]:
    if not db.is_sqlite:
        return [result for write in writes for result in await asyncio.gather(db.write(write), return_exceptions=True)]
    gate = Gate()
    first = asyncio.ensure_future(db.write(gate.hold))
    await asyncio.to_thread(gate.reached.wait, 10)
    waiting = [asyncio.ensure_future(db.write(write)) for write in writes]
    await asyncio.sleep(0)
    gate.opened.set()
    await first
    return await asyncio.gather(*waiting, return_exceptions=True)


async def test_a_failed_write_leaves_the_others_of_its_batch_alone(notes: Database) -> None:
    one, failed, two = await together(notes, lambda s: note(s, "one"), fail, lambda s: note(s, "two"))
    assert (one, two) == ("one", "two")
    assert isinstance(failed, RuntimeError)
    assert await notes.read(said) == {"one", "two"}


async def test_a_broken_constraint_undoes_its_own_write_only(notes: Database) -> None:
    def twice(session: Session) -> None:
        note(session, "first of two")
        note(session, "one")

    one, failed = await together(notes, lambda s: note(s, "one"), twice)
    assert one == "one"
    assert isinstance(failed, IntegrityError)
    assert await notes.read(said) == {"one"}


async def test_a_commit_that_fails_fails_every_write_of_the_batch(db: Database) -> None:
    """A deferred foreign key is only checked at the commit."""
    if not db.is_sqlite:
        pytest.skip("PostgreSQL commits each write by itself")
    db.write_here(lambda s: s.execute(text("CREATE TABLE a (id INTEGER PRIMARY KEY)")))
    db.write_here(lambda s: s.execute(text(
        "CREATE TABLE b (a_id INTEGER REFERENCES a(id) DEFERRABLE INITIALLY DEFERRED)")))  # fmt: skip
    good, bad = await together(
        db,
        lambda s: s.execute(text("INSERT INTO a VALUES (1)")) and "told",
        lambda s: s.execute(text("INSERT INTO b VALUES (99)")) and "told",
    )
    assert isinstance(good, DBAPIError)
    assert isinstance(bad, DBAPIError)
    assert db.read_here(lambda s: s.execute(text("SELECT count(*) FROM a")).scalar()) == 0


async def test_the_answer_comes_after_the_commit(notes: Database) -> None:
    await notes.write(note, "there")
    assert await notes.read(said) == {"there"}


async def test_a_write_goes_on_when_its_caller_is_cancelled(notes: Database) -> None:
    gate = Gate()
    first = asyncio.ensure_future(notes.write(gate.hold))
    await asyncio.to_thread(gate.reached.wait, 10)
    waiting = asyncio.ensure_future(notes.write(note, "kept"))
    await asyncio.sleep(0)
    waiting.cancel()
    first.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    gate.opened.set()
    await notes.write(note, "the next one")
    async with asyncio.timeout(60):
        while await notes.read(said) != {"kept", "the next one"}:
            await asyncio.sleep(0.005)


async def test_a_deadlock_is_run_again(notes: Database) -> None:
    if notes.is_sqlite:
        pytest.skip("one writer cannot wait for another")
    for number in (1, 2):
        await notes.write(note, f"row {number}")
    both_hold = threading.Barrier(2)
    tries = []

    def cross(session: Session, first: int, second: int) -> None:
        tries.append(first)
        update = text("UPDATE notes SET said = said || '.' WHERE id = :id")
        session.execute(update, {"id": first})
        if len(tries) <= 2:
            both_hold.wait(10)
        session.execute(update, {"id": second})

    await asyncio.gather(notes.write(cross, 1, 2), notes.write(cross, 2, 1))
    assert len(tries) == 3
    assert await notes.read(said) == {"row 1..", "row 2.."}


def test_a_closed_database_has_written_what_it_accepted(tmp_path: Path) -> None:
    db = Database(f"sqlite:///{tmp_path / 'x.db'}")
    db.write_here(lambda s: s.execute(text("CREATE TABLE notes (id INTEGER, said TEXT)")))
    assert db._writer is not None
    futures = [db._writer.submit(lambda s, n=n: note(s, f"note {n}")) for n in range(200)]
    db.close()
    assert [future.result(0) for future in futures] == [f"note {n}" for n in range(200)]
    again = Database(f"sqlite:///{tmp_path / 'x.db'}")
    assert len(again.read_here(said)) == 200
    again.close()


async def test_reads_of_a_thread_do_not_see_each_others_state(notes: Database) -> None:
    await notes.write(note, "one")

    def read_and_fail(session: Session) -> None:
        assert said(session) == {"one"}
        raise RuntimeError("no")

    with pytest.raises(RuntimeError):
        notes.read_here(read_and_fail)
    await notes.write(note, "two")
    assert notes.read_here(said) == {"one", "two"}
    assert notes.read_here(lambda session: session.in_transaction()) is False


async def test_many_threads_can_read_at_once(notes: Database) -> None:
    await notes.write(note, "one")
    found: list[set[str]] = []
    together = threading.Barrier(16)

    def read(session: Session) -> set[str]:
        together.wait(10)
        return said(session)

    threads = [threading.Thread(target=lambda: found.append(notes.read_here(read))) for _ in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    assert found == [{"one"}] * 16


def test_stored_half_surrogates_can_be_read(db: Database) -> None:
    stored = ":stored" if db.is_sqlite else "CAST(:stored AS json)"
    statement = text(f"SELECT {stored} AS said").columns(said=JSON)
    values = {"stored": '["\\ud83d", 1]'}
    assert db.read_here(lambda s: s.execute(statement, values).scalar_one()) == ["\ud83d", 1]


@pytest.mark.parametrize(
    ("given", "used"),
    [
        ("sqlite:///x.db", "sqlite+pysqlite:///x.db"),
        ("postgres://u:p@host/db?sslmode=require", "postgresql+psycopg://u:p@host/db?sslmode=require"),
        ("postgresql+asyncpg://host/db", "postgresql+psycopg://host/db"),
    ],
)
def test_urls_are_taken_as_providers_hand_them_out(given: str, used: str) -> None:
    assert parse_url(given) == used


def test_another_database_is_refused() -> None:
    with pytest.raises(ValueError, match="mysql"):
        parse_url("mysql://host/db")
