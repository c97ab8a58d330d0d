"""Plants bugs and asks whether their checks find them, several at a time: a drill mostly waits."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Protocol

from tests.prove.bugs import Bug
from tests.prove.drills import DRILLS
from tests.prove.game import Outcome, play
from tests.prove.stage import Zygote

AT_ONCE = 4


class Databases(Protocol):
    """Makes empty PostgreSQL databases: `tests.prove.postgres.Postgres`, or what a test has."""

    def database(self) -> str: ...


def outcomes(
    folder: Path, wanted: Mapping[str, tuple[str, str]], seed: int, shared: Zygote, databases: Databases | None
) -> dict[str, Outcome]:
    """What comes of drills: `wanted` gives a drill and a bug (or "") for each name."""

    def one(name: str) -> Outcome:
        drill, bug = wanted[name]
        run = DRILLS[drill]
        database = databases.database() if databases and run.database == "postgresql" else None
        return asyncio.run(play(run, folder / name.replace(" ", "-"), seed=seed, database=database, bug=bug, shared=shared))

    with ThreadPoolExecutor(AT_ONCE) as pool:
        return dict(zip(wanted, pool.map(one, wanted), strict=True))


def with_bugs(
    folder: Path, bugs: Mapping[str, Bug], seed: int, shared: Zygote, databases: Databases | None
) -> dict[str, Outcome]:  # fmt: skip
    """What comes of each bug's drill with the bug in it."""
    return outcomes(folder, {name: (bug.drill, name) for name, bug in bugs.items()}, seed, shared, databases)
