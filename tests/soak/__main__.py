"""`make soak`: a server and a simulator under a steady load for some minutes. Prints what the server holds each minute, and
exits 1 when memory or file handles grow after the warm-up, when the database's log is not bounded, when a request got an
answer that it must not get, or when a post is stuck at the end. Linux only: it reads /proc."""

from __future__ import annotations

import argparse
import asyncio
import logging
import statistics
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import func, select

from storage.database import Database
from storage.queue import PLATFORM_POSTS
from tests.prove.stage import Stage, stage
from tests.soak.load import LANES, Load

#: Seconds between samples; the share of the time that counts as warm-up.
EVERY, WARM_UP = 5.0, 0.3
#: How much the last third after the warm-up may lie above the first: MiB, handles. (Measured: 0.6 MiB, while the database grew
#: from 3 to 10 MiB.)
MOST_MIB, MOST_HANDLES = 4.0, 12
#: MiB. A log is written anew once its 4 MiB are in the database; a long read may put that off.
MOST_WAL = 64.0
MIB = 1024 * 1024


@dataclass(frozen=True)
class Sample:
    """What the server holds: anonymous memory (not what it maps of files), open handles, threads, files in MiB."""

    minute: float
    memory: float
    handles: int
    threads: int
    wal: float
    database: float

    def __str__(self) -> str:
        return (f"{self.minute:6.1f} min  memory {self.memory:7.1f} MiB  handles {self.handles:4d}  threads {self.threads:3d}"
                f"  WAL {self.wal:6.1f} MiB  database {self.database:7.1f} MiB")  # fmt: skip


def sample(pid: int, database: Path, began: float) -> Sample:
    status = dict(line.split(":", 1) for line in Path(f"/proc/{pid}/status").read_text().splitlines())
    wal = Path(f"{database}-wal")
    return Sample(
        (time.monotonic() - began) / 60, int(status["RssAnon"].split()[0]) / 1024, len(list(Path(f"/proc/{pid}/fd").iterdir())),
        int(status["Threads"]), wal.stat().st_size / MIB if wal.exists() else 0.0, database.stat().st_size / MIB,
    )  # fmt: skip


def faults(samples: list[Sample]) -> list[str]:
    """What grew too much: medians of the first and of the last third after the warm-up."""
    warm = samples[int(len(samples) * WARM_UP) :]
    third = max(1, len(warm) // 3)
    first, last = warm[:third], warm[-third:]
    memory = [statistics.median(each.memory for each in part) for part in (first, last)]
    handles = [statistics.median(each.handles for each in part) for part in (first, last)]
    found = []
    if memory[1] - memory[0] > MOST_MIB:
        found.append(f"memory grew from {memory[0]:.1f} to {memory[1]:.1f} MiB")
    if handles[1] - handles[0] > MOST_HANDLES:
        found.append(f"file handles grew from {handles[0]:.0f} to {handles[1]:.0f}")
    if (most := max(each.wal for each in samples)) > MOST_WAL:
        found.append(f"the database's log grew to {most:.1f} MiB")
    return found


async def soak(folder: Path, minutes: float, seed: int) -> list[str]:
    async with stage(folder, None, LANES) as made:
        server = await made.start("serve", AMPOST_RATE_LIMIT_STORAGE="memory://")
        assert server.url and await made.ready(server), made.log.read_text()
        load, samples = Load(made, server.url, seed), list[Sample]()
        began = time.monotonic()
        working = asyncio.create_task(load.run(lambda: time.monotonic() - began > minutes * 60))
        while not working.done():
            await asyncio.wait([working], timeout=EVERY)
            if not server.alive:
                working.cancel()
                return [f"the server died: {made.log.read_text()[-2000:]}"]
            samples.append(sample(server.pid, folder / "data/ampost.db", began))
            if len(samples) % int(60 / EVERY) == 0:
                print(samples[-1], flush=True)
        await working
        await made.no_faults()
        stuck = await _stuck(made)
    print(f"asked for {sum(load.done.values())}: {dict(load.done)}")
    print(f"platform posts: {stuck[1]}")
    wrong = [f"{what}: {example}" for what, example in load.wrong.items()]
    return [*faults(samples), *wrong, *([f"{stuck[0]} platform posts are stuck"] if stuck[0] else [])]


async def _stuck(made: Stage, seconds: float = 180) -> tuple[int, dict[str, int]]:
    """How many platform posts of begun posts have not come to an end although they had the time; and all by status."""
    db, p = Database(made.database), PLATFORM_POSTS
    under_way = select(func.count()).where(p.c.owner.is_not(None) | p.c.next_at.is_not(None))
    try:
        end = time.monotonic() + seconds
        while (left := db.read_here(lambda s: s.execute(under_way).scalar_one())) and time.monotonic() < end:
            await asyncio.sleep(0.5)
        by_status = select(p.c.status, func.count()).group_by(p.c.status)
        return left, dict(db.read_here(lambda s: s.execute(by_status).all()))  # type: ignore[arg-type]
    finally:
        db.close()


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.soak", description=__doc__)
    parser.add_argument("--minutes", type=float, default=20, help="how long (default 20)")
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    logging.getLogger("uvicorn.error").setLevel(logging.CRITICAL)  # the simulator breaks off answers on purpose
    with tempfile.TemporaryDirectory(prefix="ampost-soak-") as folder:
        found = asyncio.run(soak(Path(folder), options.minutes, options.seed))
    print("\n".join(found) or "Flat: memory and file handles did not grow, the database's log is bounded, nothing is stuck.")
    sys.exit(1 if found else 0)


if __name__ == "__main__":
    main()
