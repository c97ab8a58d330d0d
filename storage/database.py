"""Where statements run: `read` and `write` take plain functions of a `Session`.

SQLite gets one writer thread. Writes that wait for it together share one transaction and one flush to disk, each behind
its own savepoint, and each caller hears of it only after the commit. PostgreSQL runs each write in a transaction of its
own, on a thread. (Measured on SQLite: an async session costs 0.6 ms of CPU a statement in thread hops, this 0.1.)
"""

from __future__ import annotations

import asyncio
import json
import queue
import sqlite3
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Any, Concatenate, ParamSpec, TypeVar

from pydantic_core import from_json
from sqlalchemy import Connection, Engine, create_engine, event, text
from sqlalchemy.engine import make_url
from sqlalchemy.exc import DBAPIError
from sqlmodel import Session

P = ParamSpec("P")
T = TypeVar("T")

#: Writes that one commit carries at the most.
BATCH = 64
THREADS = 12
#: PostgreSQL undid a transaction so that another could go on; running it again is the documented answer.
UNDONE = frozenset({"40001", "40P01"})
TRIES = 5
#: Of entering WAL, a hundredth of a second apart.
TRIES_FOR_WAL = 500


def parse_url(url: str) -> str:
    """A database URL as pasted from a provider, for the driver we use. Raises ValueError for other databases."""
    name, _, rest = url.partition("://")
    dialect = name.split("+")[0]
    if dialect in ("postgres", "postgresql"):
        return f"postgresql+psycopg://{rest}"
    if dialect == "sqlite":
        return f"sqlite+pysqlite://{rest}"
    raise ValueError(f"{dialect}:// is not supported: use sqlite:///path or postgresql://...")


class Database:
    """An open database. `is_sqlite` decides who runs statements where, nothing else."""

    def __init__(self, url: str) -> None:
        self.url = make_url(parse_url(url))
        self.is_sqlite = self.url.get_backend_name() == "sqlite"
        self.engine = self._sqlite_engine() if self.is_sqlite else self._postgres_engine()
        self._threads = ThreadPoolExecutor(THREADS, "ampost-db")
        self._writer = _Writer(self.engine) if self.is_sqlite else None
        self._readers = _Readers(self.engine) if self.is_sqlite else None

    def _sqlite_engine(self) -> Engine:
        if self.url.database and self.url.database != ":memory:":
            Path(self.url.database).parent.mkdir(parents=True, exist_ok=True)
        engine = create_engine(
            self.url,
            pool_size=THREADS + 2,
            max_overflow=4,
            connect_args={"check_same_thread": False, "timeout": 15},
            json_deserializer=_read_json,
        )
        event.listen(engine, "connect", _set_up_sqlite)
        event.listen(engine, "begin", _begin)
        return engine

    def _postgres_engine(self) -> Engine:
        # No server-side prepared statements: poolers such as PgBouncer hand each transaction another connection.
        return create_engine(
            self.url,
            pool_size=THREADS,
            max_overflow=4,
            pool_pre_ping=True,
            connect_args={"prepare_threshold": None, "connect_timeout": 10},
            json_deserializer=_read_json,
        )

    async def read(self, do: Callable[Concatenate[Session, P], T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Runs a read on a thread."""
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._threads, lambda: self.read_here(do, *args, **kwargs))

    async def read_quick(self, do: Callable[Concatenate[Session, P], T], *args: P.args, **kwargs: P.kwargs) -> T:
        """A read by primary key or unique index: on SQLite it takes less time than handing it to a thread."""
        if self.is_sqlite:
            return self.read_here(do, *args, **kwargs)
        return await self.read(do, *args, **kwargs)

    def read_here(self, do: Callable[Concatenate[Session, P], T], *args: P.args, **kwargs: P.kwargs) -> T:
        kept = self._readers.session() if self._readers else None
        with kept or Session(self.engine, autoflush=False) as session:
            return do(session, *args, **kwargs)

    async def write(self, do: Callable[Concatenate[Session, P], T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Runs `do` in a transaction; its result is returned once the commit is on disk. It goes on when the caller is
        cancelled. On PostgreSQL `do` may run several times, each time on a clean slate."""
        if self._writer is not None:
            return await asyncio.wrap_future(self._writer.submit(lambda session: do(session, *args, **kwargs)))
        loop = asyncio.get_running_loop()
        running = loop.run_in_executor(self._threads, lambda: self.write_here(do, *args, **kwargs))
        return await asyncio.shield(running)

    def write_here(self, do: Callable[Concatenate[Session, P], T], *args: P.args, **kwargs: P.kwargs) -> T:
        """The same, blocking: for commands and start-up."""
        if self._writer is not None:
            return self._writer.submit(lambda session: do(session, *args, **kwargs)).result()
        for _ in range(TRIES - 1):
            try:
                return self._transact(do, *args, **kwargs)
            except DBAPIError as error:
                if getattr(error.orig, "sqlstate", None) not in UNDONE:
                    raise
        return self._transact(do, *args, **kwargs)

    def _transact(self, do: Callable[Concatenate[Session, P], T], *args: P.args, **kwargs: P.kwargs) -> T:
        with Session(self.engine, expire_on_commit=False) as session, session.begin():
            return do(session, *args, **kwargs)

    def close(self) -> None:
        if self._writer is not None:
            self._writer.close()
        self._threads.shutdown()
        if self._readers is not None:
            self._readers.close()
        self.engine.dispose()


def take_turn(connection: Connection | Session, lock: int) -> None:
    """Lets one process at a time go on from here, until the transaction ends. `lock` is a number among PostgreSQL's
    advisory locks. (On SQLite writers are alone anyway.)"""
    if _is_postgres(connection):
        connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": lock})


def apart(session: Session) -> AbstractContextManager[Any]:
    """What the database refuses in here leaves the transaction as it was before. (SQLite undoes a refused statement alone;
    PostgreSQL needs a savepoint.)"""
    return session.begin_nested() if _is_postgres(session) else nullcontext()


def _is_postgres(connection: Connection | Session) -> bool:
    return (connection if isinstance(connection, Connection) else connection.get_bind()).dialect.name == "postgresql"


class _Readers:
    """A session for each thread that reads from SQLite, on a connection of its own. Closing it ends the transaction and
    forgets the objects; making it anew and borrowing a connection would cost as much as the query."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._connections: list[Connection] = []
        self._lock = threading.Lock()
        self._local = threading.local()

    def session(self) -> Session | None:
        """This thread's session; None when too many other threads have one."""
        found: Session | None = getattr(self._local, "session", None)
        if found is None:
            with self._lock:
                if len(self._connections) > THREADS:
                    return None
                connection = self._engine.connect()
                self._connections.append(connection)
            found = self._local.session = Session(connection, autoflush=False)
        return found

    def close(self) -> None:
        for connection in self._connections:
            connection.close()


_Item = tuple[Callable[[Session], Any], Future[Any]]


class _Writer:
    """The one thread that writes to SQLite."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._waiting: queue.SimpleQueue[_Item | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._run, name="ampost-writer", daemon=True)
        self._thread.start()

    def submit(self, do: Callable[[Session], T]) -> Future[T]:
        future: Future[T] = Future()
        future.set_running_or_notify_cancel()  # from here on nobody can cancel it
        self._waiting.put((do, future))
        return future

    def close(self) -> None:
        self._waiting.put(None)
        self._thread.join()

    def _run(self) -> None:
        while (first := self._waiting.get()) is not None:
            batch, is_closing = self._gather(first)
            self._commit(batch)
            if is_closing:
                return

    def _gather(self, first: _Item) -> tuple[list[_Item], bool]:
        """What waits now, and whether `close` was among it."""
        batch = [first]
        while len(batch) < BATCH and not self._waiting.empty():
            item = self._waiting.get()
            if item is None:
                return batch, True
            batch.append(item)
        return batch, False

    def _commit(self, batch: list[_Item]) -> None:
        try:
            with self._engine.connect() as connection:
                connection.info["writes"] = True
                try:
                    with connection.begin(), _session(connection) as session:
                        answers = [(_run_one(session, do), future) for do, future in batch]
                finally:
                    connection.info.pop("writes", None)
        except BaseException as error:  # the commit itself failed: nothing of the batch is on disk
            for _, future in batch:
                future.set_exception(error)
            return
        for (result, failure), future in answers:
            if failure is None:
                future.set_result(result)
            else:
                future.set_exception(failure)


def _session(connection: Connection) -> Session:
    """For all writes of a batch: it leaves the commit to the connection's transaction."""
    return Session(connection, join_transaction_mode="rollback_only", expire_on_commit=False)


def _run_one(session: Session, do: Callable[[Session], Any]) -> tuple[Any, Exception | None]:
    """Runs one write behind its savepoint; what it raised undoes it alone. (On the driver's own connection, as in
    `_begin`: a session and a savepoint of SQLAlchemy for each write would cost a quarter of a create.)"""
    driver = session.connection().connection.dbapi_connection
    assert driver is not None
    driver.execute("SAVEPOINT one_write")
    result, failure = None, None
    try:
        result = do(session)
        session.flush()
    except Exception as error:
        if not session.is_active:  # objects that could not be stored: the session has undone the whole batch
            raise
        driver.execute("ROLLBACK TO one_write")
        failure = error
    driver.execute("RELEASE one_write")
    session.expunge_all()
    return result, failure


def _read_json(stored: str) -> Any:
    """The fast reader; what it refuses (half surrogates from a platform's answer) the tolerant one takes."""
    try:
        return from_json(stored)
    except ValueError:
        return json.loads(stored)


def _set_up_sqlite(connection: sqlite3.Connection, _record: Any) -> None:
    connection.isolation_level = None  # SQLAlchemy begins transactions itself, see _begin
    _enter_wal(connection)
    for pragma in ("synchronous=FULL", "foreign_keys=ON", "busy_timeout=15000", "temp_store=MEMORY", "mmap_size=268435456"):
        connection.execute(f"PRAGMA {pragma}")


def _enter_wal(connection: sqlite3.Connection) -> None:
    """The first change to WAL fails at once while another process makes it, whatever the time-out."""
    for _ in range(TRIES_FOR_WAL):
        try:
            connection.execute("PRAGMA journal_mode=WAL")
            return
        except sqlite3.OperationalError as error:
            if "locked" not in str(error):
                raise
            time.sleep(0.01)
    connection.execute("PRAGMA journal_mode=WAL")


def _begin(connection: Connection) -> None:
    # A transaction that reads first and then writes fails at once when another wrote in between, whatever the time-out.
    # On the driver's own connection: through SQLAlchemy this statement would cost as much as a query.
    statement = "BEGIN IMMEDIATE" if connection.info.get("writes") else "BEGIN"
    connection.connection.dbapi_connection.execute(statement)  # type: ignore[union-attr]
