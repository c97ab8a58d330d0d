"""SIGTERM ends every command that runs until it is told to stop, at any moment, with status 0 and nothing left behind."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import httpx
import psutil
import pytest

from ampost_mcp.cli import UNTIL_TOLD
from tests.commands.child import COMMAND, environment, poll, run
from tests.serving import free_port

HELLO = {
    "jsonrpc": "2.0", "id": 1, "method": "initialize",
    "params": {"protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": {"name": "a client", "version": "1"}},
}  # fmt: skip
#: Gets the signal where its own code would begin.
EARLY = """
import os, signal, sys
from ampost_mcp import cli
cli._imported = lambda *_: lambda **_: os.kill(os.getpid(), signal.SIGTERM)
cli.main(sys.argv[1:])
"""


@pytest.mark.parametrize("command", sorted(UNTIL_TOLD))
def test_before_anything_is_open(tmp_path: Path, command: str) -> None:
    assert subprocess.run([sys.executable, "-c", EARLY, command], cwd=tmp_path, env=environment(), timeout=60).returncode == 0


def test_stdio_whose_client_still_listens(tmp_path: Path) -> None:
    assert run(tmp_path, "users", "create", "ana@example.com").returncode == 0
    with subprocess.Popen(
        [*COMMAND, "stdio"], cwd=tmp_path, env=environment(), stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as server:
        assert server.stdin and server.stdout
        server.stdin.write(json.dumps(HELLO) + "\n")
        server.stdin.flush()
        assert json.loads(server.stdout.readline())["id"] == 1
        server.terminate()
        assert server.wait(20) == 0
        assert server.stdout.read() == ""


def test_stdio_whose_client_has_gone_answers_what_it_was_asked(tmp_path: Path) -> None:
    assert run(tmp_path, "users", "create", "ana@example.com").returncode == 0
    ended = run(tmp_path, "stdio", given=json.dumps(HELLO) + "\n")
    assert (ended.returncode, ended.stderr) == (0, "") and json.loads(ended.stdout)["id"] == 1


def test_the_simulator(tmp_path: Path) -> None:
    url = f"http://127.0.0.1:{(port := free_port())}"
    with subprocess.Popen([*COMMAND, "sandbox", "--port", str(port)], cwd=tmp_path, env=environment()) as simulator:
        poll(lambda: _answers(url), 60, lambda: "the simulator did not start", lambda: simulator.poll() is None)
        simulator.terminate()
        assert simulator.wait(20) == 0


def _answers(url: str) -> bool:
    with suppress(httpx.TransportError):
        return httpx.get(url, trust_env=False).status_code == 200
    return False


def says(words: str) -> Callable[[subprocess.Popen[str], Path], None]:
    def wait(demo: subprocess.Popen[str], folder: Path) -> None:
        assert demo.stdout
        assert any(words in line for line in demo.stdout)

    return wait


def has_begun_its_server(demo: subprocess.Popen[str], folder: Path) -> None:
    poll(lambda: bool(psutil.Process(demo.pid).children()), 60, lambda: "the demo began no server", lambda: demo.poll() is None)


@pytest.mark.parametrize(
    ("reached", "number"),
    [
        (has_begun_its_server, signal.SIGTERM), (says("Connected to"), signal.SIGTERM), (says("posts_publish"), signal.SIGTERM),
        (says("stays up"), signal.SIGTERM), (says("stays up"), signal.SIGINT),
    ],
    ids=["starting", "connected", "publishing", "kept", "kept and Ctrl-C"],
)  # fmt: skip
def test_a_demo(tmp_path: Path, reached: Callable[[subprocess.Popen[str], Path], None], number: signal.Signals) -> None:
    folder = tmp_path / "temporary"
    folder.mkdir()
    with subprocess.Popen(
        [*COMMAND, "demo", "--keep"], cwd=tmp_path, env=environment() | {"TMPDIR": str(folder)}, text=True,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    ) as demo:  # fmt: skip
        reached(demo, folder)
        servers = psutil.Process(demo.pid).children(recursive=True)
        demo.send_signal(number)
        assert demo.stderr
        status, said = demo.wait(30), demo.stderr.read()
    left = [server for server in servers if server.is_running()]
    for server in left:
        server.kill()
    assert (status, said, left) == (0, "", []) and servers
    assert list(folder.iterdir()) == []
