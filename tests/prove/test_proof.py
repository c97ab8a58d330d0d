"""The proof in short: a few deaths of a server on SQLite and of workers on PostgreSQL, and bugs that have to be found.

What takes longer (all runs, and the bugs that show by waiting) plays in `make prove` and `python -m tests.prove --bugs`."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from tests.databases import postgres_database
from tests.prove.bugs import BUGS
from tests.prove.drills import DRILLS
from tests.prove.finding import outcomes
from tests.prove.game import play
from tests.prove.runs import ONE_SERVER, SEVERAL_WORKERS
from tests.prove.stage import Zygote, zygote

SEED = 7
#: Bugs that show as soon as a platform is asked twice, or not as it should be, and those whose plants lean on the shape of what
#: they break.
QUICK = (
    "intent after send", "blind retry", "key stored later", "pooled send", "cancel at any time", "no lease", "not flushed",
    "edit comes too late", "lanes ignored",
)  # fmt: skip


@pytest.fixture(scope="module")
def shared() -> Iterator[Zygote]:
    with zygote() as parent:
        yield parent


def test_a_server_that_is_killed_again_and_again_publishes_once(tmp_path: Path, shared: Zygote) -> None:
    outcome = asyncio.run(play(ONE_SERVER, tmp_path / "stage", seed=SEED, rounds=5, shared=shared))
    assert outcome.kills == 5 and outcome.verdict.platform_posts > 0
    assert outcome.verdict.holds, outcome.verdict


def test_workers_that_die_beside_others_publish_once(tmp_path: Path, shared: Zygote, postgres: str) -> None:
    with postgres_database(postgres) as db:
        url = db.url.render_as_string(hide_password=False)
        outcome = asyncio.run(play(SEVERAL_WORKERS, tmp_path / "stage", seed=SEED, rounds=3, database=url, shared=shared))
    assert outcome.kills == 3 and outcome.verdict.platform_posts > 0
    assert outcome.verdict.holds, outcome.verdict


@pytest.mark.parametrize("name", QUICK)
def test_a_planted_bug_is_found_and_nothing_without_it(name: str, tmp_path: Path, shared: Zygote) -> None:
    bug = BUGS[name]
    got = outcomes(tmp_path, {"sound": (bug.drill, ""), "broken": (bug.drill, name)}, SEED, shared, None)
    assert got["sound"].verdict.holds, got["sound"].verdict
    assert got["broken"].verdict.faults[bug.found_by], got["broken"].verdict


def test_every_bug_names_a_drill_and_every_drill_finds_one() -> None:
    assert {bug.drill for bug in BUGS.values()} == set(DRILLS)


def test_what_is_under_way_at_the_end_is_stuck(tmp_path: Path, shared: Zygote) -> None:
    """With no time to settle, and nobody to take over from the dead."""
    run = replace(DRILLS["killed after the claim"], settle=0.0)
    outcome = asyncio.run(play(run, tmp_path / "stage", seed=SEED, bug="no sweep", shared=shared))
    assert outcome.verdict.stuck and not outcome.verdict.holds
