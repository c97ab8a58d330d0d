"""`make prove`: runs the proof and prints runs, posts, duplicates, lost, stuck, unknown. Exit status 1 unless the first
three and everything wrong are zero."""

from __future__ import annotations

import argparse
import asyncio
import sys
import tempfile
import time
from pathlib import Path

from tests.prove import runs
from tests.prove.postgres import postgres


def main() -> None:
    options = _options()
    began = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="ampost-proof-") as folder:
        outcomes = []
        if options.database in ("sqlite", "both"):
            outcomes.append(asyncio.run(_sqlite(Path(folder) / "sqlite", options)))
        if options.database in ("postgresql", "both"):
            with postgres(Path(folder) / "postgresql") as url:
                outcomes.append(asyncio.run(_postgres(Path(folder) / "workers", options, url)))
    for outcome in outcomes:
        _print(outcome)
    print(f"{time.monotonic() - began:.0f} seconds, seed {options.seed}")
    sys.exit(0 if all(outcome.verdict.holds for outcome in outcomes) else 1)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.prove", description=__doc__)
    parser.add_argument("--database", choices=("sqlite", "postgresql", "both"), default="both")
    parser.add_argument("--kills", type=int, default=100, help="kills on each database (default 100)")
    parser.add_argument("--posts", type=int, default=1, help="posts a kill (default 1, of 4 to 5 platforms each)")
    parser.add_argument("--seed", type=int, default=int(time.time()))
    parser.add_argument("--bug", default="", help="plant a bug of tests.prove.bugs, to see it found")
    return parser.parse_args()


async def _sqlite(folder: Path, options: argparse.Namespace) -> runs.Outcome:
    folder.mkdir()
    return await runs.killed_at_every_step(folder, kills=options.kills, seed=options.seed, bug=options.bug, posts=options.posts)


async def _postgres(folder: Path, options: argparse.Namespace, url: str) -> runs.Outcome:
    folder.mkdir()
    return await runs.many_workers(folder, kills=options.kills, seed=options.seed, database=url, bug=options.bug)


def _print(outcome: runs.Outcome) -> None:
    v = outcome.verdict
    print(
        f"{outcome.name}: {outcome.kills} kills, {outcome.posts} posts, {v.platform_posts} platform posts: "
        f"{v.published} published, {v.failed} failed, {v.unknown} unknown; "
        f"duplicates {v.duplicates}, lost {v.lost}, stuck {v.stuck}, wrong {dict(v.wrong) or 0}"
    )
    print(f"  published on {dict(v.on)}")
    for line in v.examples[:20]:
        print(f"  {line}")


if __name__ == "__main__":
    main()
