"""`make conformance`: the official suites and clients against the real stack. Exit status 1 when a scenario fails that is
not expected to, when one passes that is, or when a client does not come through."""

from __future__ import annotations

import logging
import sys
import tempfile
import time
import warnings
from pathlib import Path

import structlog
from mcp.shared.exceptions import MCPDeprecationWarning

from tests.conformance import clients, node_tools, suites
from tests.conformance.stage import harness_server, product

ANSWERS = {False: "plain answers, as served", True: "event streams"}


def main() -> int:
    if not node_tools.is_possible():
        print("skipped: there is no npm on this machine, and the official harness needs Node.")
        return 0
    warnings.simplefilter("ignore", MCPDeprecationWarning)
    logging.disable(logging.CRITICAL)
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    node_tools.install()
    began = time.monotonic()
    faults = [*_suites(), *_clients()]
    for fault in faults:
        print(f"UNEXPECTED {fault}")
    print(f"{len(faults)} unexpected, {time.monotonic() - began:.0f} seconds")
    return 1 if faults else 0


def _suites() -> list[str]:
    faults = []
    for streaming, answers in ANSWERS.items():
        with (
            tempfile.TemporaryDirectory(prefix="ampost-conformance-") as folder,
            harness_server(Path(folder), streaming=streaming) as url,
        ):
            for suite in suites.SUITES:
                faults += _suite(suite, url, streaming, f"{suite} ({answers})")
    return faults


def _suite(suite: str, url: str, streaming: bool, title: str) -> list[str]:
    outcome, expected = suites.run(suite, url), suites.expected(suite, streaming)
    print(f"{title}: {outcome.passed} passed, {outcome.failed} failed", flush=True)
    for name in sorted(outcome.failing & expected):
        print(f"  expected: {name}: {suites.NEEDS_A_STREAM[name]}")
    if outcome.unscored:
        print(f"  not scored: {len(outcome.unscored)} scenarios of the tasks extension, which the SDK does not serve")
    return [
        *(f"{title}: {name} fails" for name in sorted(outcome.failing - expected)),
        *(f"{title}: {name} passes" for name in sorted(expected - outcome.failing)),
    ]


def _clients() -> list[str]:
    faults = []
    for name, client in clients.CLIENTS.items():
        with tempfile.TemporaryDirectory(prefix="ampost-conformance-") as folder, product(Path(folder)) as (address, key):
            try:
                print(f"{name}: {client(address, key)}", flush=True)
            except clients.ClientFailedError as failed:
                faults.append(f"{name}: {failed}")
    return faults


if __name__ == "__main__":
    sys.exit(main())
