"""Starts servers fast: the packages are imported once, and each server is a fork of this process.

Reads one JSON object a line from standard input, `{"command": [...], "env": {...}, "log": FILE, "plants": [...]}`, forks,
and writes the child's process id. A plant is `[module of tests.prove, function, arguments...]`: it is called in the child
before the command starts, and changes what the proof wants changed. A forked server is as killable as any other.
"""

from __future__ import annotations

import gc
import importlib
import json
import os
import signal
import sys
from typing import Any


def _preload() -> None:
    import ampost_mcp.app
    import ampost_mcp.commands.serving  # noqa: F401


def main() -> None:
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    _preload()
    gc.freeze()
    print("ready", flush=True)
    for line in sys.stdin:
        order = json.loads(line)
        pid = os.fork()
        if pid == 0:
            _become(order)
        print(pid, flush=True)
    os.killpg(0, signal.SIGKILL)  # the proof is over, in whatever way: so are its servers, and this process


def _become(order: dict[str, Any]) -> None:
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    log = os.open(order["log"], os.O_CREAT | os.O_WRONLY | os.O_APPEND, 0o600)
    for stream in (1, 2):
        os.dup2(log, stream)
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    os.environ.update(order["env"])
    for module, function, *arguments in order["plants"]:
        getattr(importlib.import_module(f"tests.prove.{module}"), function)(*arguments)
    from ampost_mcp.cli import main as run

    try:
        run(order["command"])
    finally:
        os._exit(1)


if __name__ == "__main__":
    main()
