"""The official server suites against the real stack, and which of their scenarios may fail."""

from __future__ import annotations

import re
from dataclasses import dataclass

from tests.conformance import node_tools

#: Name -> version of the harness, and what it is told.
SUITES: dict[str, tuple[str, tuple[str, ...]]] = {
    "0.1.16": ("0.1", ("--suite", "all")),
    "0.2.0-alpha.12, requirements of 2025-11-25": ("0.2", ("--requirements", "2025-11-25")),
    "0.2.0-alpha.12, requirements of 2026-07-28": ("0.2", ("--requirements", "2026-07-28")),
}

#: What fails by choice when the server answers as it does: plain JSON, which has no room for anything before the result.
#: No tool of the product says or asks anything first. The same scenarios pass with event streams.
NEEDS_A_STREAM = {
    "tools-call-with-progress": "a fixture reports progress",
    "tools-call-with-logging": "a fixture sends log messages",
    "tools-call-sampling": "a fixture asks the client's model",
    "tools-call-elicitation": "a fixture asks the user",
    "elicitation-sep1034-defaults": "a fixture asks the user",
    "elicitation-sep1330-enums": "a fixture asks the user",
}

SUMMARY = re.compile(r"^[✓✗] (\S+): (\d+) passed, (\d+) failed$", re.MULTILINE)
UNSCORED = re.compile(r"^  [✓✗] (\S+) \((.+)\)$", re.MULTILINE)


@dataclass(frozen=True)
class Outcome:
    """Checks of the scored scenarios, the scenarios that failed, and the unscored ones that did."""

    passed: int
    failed: int
    failing: frozenset[str]
    unscored: frozenset[str]


def run(suite: str, url: str) -> Outcome:
    """Raises RuntimeError when the harness ends without a result."""
    version, arguments = SUITES[suite]
    script = node_tools.HARNESS.format(version)
    ended = node_tools.run(script, "server", "--url", url, *arguments, "-o", str(node_tools.HERE / "results"))
    rows = [(name, int(passed), int(failed)) for name, passed, failed in SUMMARY.findall(ended.stdout)]
    if not rows or "\nTotal: " not in ended.stdout:
        raise RuntimeError(f"The harness gave no result: {(ended.stdout + ended.stderr)[-2000:]}")
    extra = {name for name, why in UNSCORED.findall(ended.stdout) if why == "extension"}
    scored = [row for row in rows if row[0] not in extra]
    return Outcome(
        sum(passed for _, passed, _ in scored),
        sum(failed for _, _, failed in scored),
        frozenset(name for name, _, failed in scored if failed),
        frozenset(name for name, _, failed in rows if failed and name in extra),
    )


def expected(suite: str, streaming: bool) -> frozenset[str]:
    """The scenarios that must fail: one that passes is as wrong as another that fails."""
    if streaming:
        return frozenset()
    if suite.endswith("2026-07-28"):  # asks over rounds, not on a stream
        return frozenset({"tools-call-with-progress"})
    return frozenset(NEEDS_A_STREAM)
