"""`make prove`: plays every run of the proof and prints, for each, kills, posts, duplicates, lost, stuck, unknown. Exit
status 1 unless duplicates, lost, stuck and all else that is wrong are zero. `--bugs` plants the table of bugs instead, and
fails unless each is found by the check that is named for it."""

from __future__ import annotations

import argparse
import asyncio
import logging
import sys
import tempfile
import time
from pathlib import Path

from tests.prove.bugs import BUGS
from tests.prove.drills import DRILLS
from tests.prove.dying import DYING
from tests.prove.finding import with_bugs
from tests.prove.game import Outcome, Run, play
from tests.prove.postgres import postgres_server
from tests.prove.runs import ONE_SERVER, SEVERAL_WORKERS
from tests.prove.stage import zygote

RUNS: tuple[Run, ...] = (ONE_SERVER, SEVERAL_WORKERS, *DYING, *DRILLS.values())


def main() -> None:
    logging.getLogger("uvicorn.error").setLevel(logging.CRITICAL)  # the simulator's clients die all the time
    options = _options()
    began = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="ampost-proof-", ignore_cleanup_errors=True) as folder:
        holds = _bugs(Path(folder), options) if options.bugs else _proof(Path(folder), options)
    print(f"{time.monotonic() - began:.0f} seconds, seed {options.seed}: {'holds' if holds else 'DOES NOT HOLD'}")
    sys.exit(0 if holds else 1)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.prove", description=__doc__)
    parser.add_argument("--database", choices=("sqlite", "postgresql", "both"), default="both")
    parser.add_argument("--kills", type=int, help="kills of each large run (default 60 and 40); with it, only these are played")
    parser.add_argument("--scale", type=int, default=1, help="plays so many times the rounds of every run")
    parser.add_argument("--only", default="", help="only runs whose name has these words")
    parser.add_argument("--bug", default="", help="plants a bug in every server, to see it found")
    parser.add_argument("--bugs", action="store_true", help="plants every bug of the table in turn")
    parser.add_argument("--seed", type=int, default=int(time.time()))
    return parser.parse_args()


def _proof(folder: Path, options: argparse.Namespace) -> bool:
    large = (ONE_SERVER, SEVERAL_WORKERS) if options.kills else RUNS
    chosen = [run for run in large if options.database in (run.database, "both") and options.only in run.name]
    holds = True
    with postgres_server(folder / "pg") as server, zygote() as shared:
        for number, run in enumerate(chosen):
            outcome = asyncio.run(
                play(
                    run, folder / str(number), seed=options.seed, rounds=options.kills or run.rounds * options.scale,
                    database=server.database() if run.database == "postgresql" else None, bug=options.bug,
                    postgres=server, shared=shared,
                )
            )  # fmt: skip
            _print(outcome)
            holds = holds and outcome.verdict.holds
    return holds


def _bugs(folder: Path, options: argparse.Namespace) -> bool:
    chosen = {name: bug for name, bug in BUGS.items() if options.only in name}
    with postgres_server(folder / "pg") as server, zygote() as shared:
        outcomes = with_bugs(folder, chosen, options.seed, shared, server)
    found = {name: outcomes[name].verdict.faults[bug.found_by] > 0 for name, bug in chosen.items()}
    for name, bug in chosen.items():
        print(f"{'found' if found[name] else 'NOT FOUND'}: {name} ({bug.breaks}): {bug.found_by!r} in {bug.drill!r}")
        if not found[name]:
            _print(outcomes[name])
    return all(found.values())


def _print(outcome: Outcome) -> None:
    v = outcome.verdict
    print(
        f"{outcome.name}: {outcome.kills} kills, {outcome.posts} posts, {v.platform_posts} platform posts: "
        f"{v.published} published, {v.failed} failed, {v.unknown} unknown; "
        f"duplicates {v.duplicates}, lost {v.lost}, stuck {v.stuck}, wrong {dict(+v.wrong) or 0}",
        flush=True,
    )
    if v.platform_posts >= 100:
        print("  published on " + ", ".join(f"{name} {count}" for name, count in sorted(v.on.items())))
    for line in v.examples[:20]:
        print(f"  {line}", flush=True)


if __name__ == "__main__":
    main()
