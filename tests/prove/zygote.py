"""Starts servers fast: the packages are imported once, and each server is a fork of this process.

Reads one JSON object a line from standard input, `{"command": [...], "env": {...}, "log": FILE, "kill": PLAN, "bug": NAME}`,
forks, and writes the child's process id. A forked server is as killable as any other.
"""

from __future__ import annotations

import gc
import json
import os
import signal
import sys


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


def _become(order: dict[str, object]) -> None:
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    log = os.open(str(order["log"]), os.O_CREAT | os.O_WRONLY | os.O_APPEND, 0o600)
    for stream in (1, 2):
        os.dup2(log, stream)
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    os.environ.update({str(k): str(v) for k, v in dict(order["env"]).items()})  # type: ignore[call-overload]
    if order.get("bug"):
        from tests.prove.bugs import BUGS

        BUGS[str(order["bug"])].plant()
    if order.get("kill"):
        from tests.prove.points import arm

        arm(str(order["kill"]))
    from ampost_mcp.cli import main as run

    try:
        run(list(order["command"]))  # type: ignore[call-overload]
    finally:
        os._exit(1)


if __name__ == "__main__":
    main()
