"""`ampost-mcp` as a process of its own, as a user would start it: in an empty folder, with a clean environment."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx

from brokers.sandbox.parts import PARTS
from tests.serving import free_port

OURS = ("AMPOST_", *(f"{part.platform.upper()}_" for part in PARTS))
COMMAND = [sys.executable, "-m", "ampost_mcp"]
#: Imports first and then waits for a line, so that several children begin at the same moment.
HELD = [
    sys.executable, "-c",
    "import sys, ampost_mcp.commands.serving as _\nfrom ampost_mcp.cli import main\n"
    "print('loaded', flush=True); sys.stdin.readline(); main(sys.argv[1:])",
]  # fmt: skip


@dataclass
class Child:
    """A running command; `said` is what it has printed on stderr so far."""

    process: subprocess.Popen[str]
    url: str
    log: Path

    @property
    def said(self) -> str:
        return self.log.read_text()

    def loaded(self) -> None:
        """Waits until a held child has imported everything."""
        assert self.process.stdout
        assert self.process.stdout.readline() == "loaded\n"

    def go(self) -> None:
        """Lets a held child begin."""
        assert self.process.stdin
        self.process.stdin.write("\n")
        self.process.stdin.flush()

    def until(self, path: str, within: float = 60) -> None:
        """Waits until GET `path` answers 200."""
        poll(
            lambda: self._answers(path), within, lambda: f"{path} is not there: {self.said}", lambda: self.process.poll() is None
        )

    def _answers(self, path: str) -> bool:
        try:
            return httpx.get(f"{self.url}{path}", trust_env=False).status_code == 200
        except httpx.TransportError:
            return False


def poll(true: Callable[[], bool], within: float, why: Callable[[], str], alive: Callable[[], bool] = lambda: True) -> None:
    deadline = time.monotonic() + within
    while not true():
        assert alive() and time.monotonic() < deadline, why()
        time.sleep(0.02)


def environment(**settings: str) -> dict[str, str]:
    """The environment without anything of ours, but for `settings` (names without `AMPOST_`)."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith(OURS)}
    return clean | {f"AMPOST_{name.upper()}": value for name, value in settings.items()} | {"PYTHONPATH": os.getcwd()}  # noqa: PTH109


@contextmanager
def running(folder: Path, *words: str, held: bool = False, **settings: str) -> Iterator[Child]:
    """A server (`serve` and `words`) in `folder` on a free port; killed at the end."""
    port = free_port()
    log = folder / f"said-{port}"
    command = [*(HELD if held else COMMAND), "serve", "--port", str(port), *words]
    with log.open("w") as out:
        process = subprocess.Popen(
            command, cwd=folder, env=environment(**settings), stderr=out, stdout=subprocess.PIPE, stdin=subprocess.PIPE, text=True
        )
    try:
        yield Child(process, f"http://127.0.0.1:{port}", log)
    finally:
        process.kill()
        process.communicate()


def run(folder: Path, *words: str, given: str = "", **settings: str) -> subprocess.CompletedProcess[str]:
    """A command that ends, with its status and what it printed."""
    return subprocess.run(
        [*COMMAND, *words], cwd=folder, env=environment(**settings), input=given, capture_output=True, text=True, timeout=60
    )


#: Imports once and runs each command in a fork, one after the other: what a child of its own would do, without its start.
FORKING = """
import json, os, signal, sys
import ampost_mcp.commands.admin, ampost_mcp.commands.doctor, ampost_mcp.commands.serving
from ampost_mcp.cli import main
for number, (words, settings, given) in enumerate(json.load(sys.stdin)):
    if not os.fork():
        for stream, path, flags in ((0, given, os.O_RDONLY), (1, f"{number}.out", os.O_CREAT | os.O_TRUNC | os.O_WRONLY),
                                    (2, f"{number}.err", os.O_CREAT | os.O_TRUNC | os.O_WRONLY)):
            os.dup2(os.open(path, flags), stream)
        sys.stdin = open(0)
        signal.alarm(20)
        os.environ.update(settings)
        try:
            main(words)
        except SystemExit as ended:
            sys.stdout.flush()
            os._exit(ended.code or 0)
    with open(f"{number}.status", "w") as file:
        file.write(str(os.waitstatus_to_exitcode(os.wait()[1])))
"""


@dataclass(frozen=True)
class Ended:
    status: int
    out: str
    err: str


Case = tuple[list[str], dict[str, str]]


def run_each(folder: Path, cases: Sequence[Case], given: str | Sequence[str] = "") -> list[Ended]:
    """Runs commands one after the other, each `(words, settings)`, with `given` on standard input: the same for all, or
    one for each."""
    told, texts = [], [given] * len(cases) if isinstance(given, str) else given
    for number, ((words, more), text) in enumerate(zip(cases, texts, strict=True)):
        (folder / f"{number}.given").write_text(text)
        told.append((words, {f"AMPOST_{name.upper()}": value for name, value in more.items()}, f"{number}.given"))
    subprocess.run(
        [sys.executable, "-c", FORKING], cwd=folder, env=environment(), input=json.dumps(told), text=True, check=True, timeout=100
    )
    found = [[(folder / f"{number}.{kind}").read_text() for kind in ("status", "out", "err")] for number in range(len(cases))]
    return [Ended(int(status), out, err) for status, out, err in found]
