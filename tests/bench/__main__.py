"""`make bench`: prints what a request costs beside bare servers, how lists grow, how writes queue, and how late posts are.

Servers run on core 0, the load on core 1; what publishes has all of them. CPU time a request is the figure to trust; requests
a second depend on the machine.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import tempfile
from pathlib import Path

from tests.bench import lists, publishing, requests, writes

PARTS = {"requests": requests.run, "lists": lists.run, "writes": writes.run, "publishing": publishing.run}


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__)
    parser.add_argument("parts", nargs="*", choices=[*PARTS, []], help="which parts (default: all)")
    parser.add_argument("--posts", type=int, default=1_000_000, help="rows of the largest list (default 1,000,000)")
    options = parser.parse_args()
    cores = os.sched_getaffinity(0)
    for name in options.parts or PARTS:
        print(f"\n== {name}", flush=True)
        os.sched_setaffinity(0, cores if name == "publishing" else cores - {0} or cores)
        with tempfile.TemporaryDirectory(prefix="ampost-bench-") as folder:
            asyncio.run(PARTS[name](Path(folder), options))


if __name__ == "__main__":
    main()
