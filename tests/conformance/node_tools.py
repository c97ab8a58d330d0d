"""Node 22 and the packages of `node/package-lock.json`, installed once into `.cache/node` with npm."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

SOURCES = Path(__file__).with_name("node")
HERE = Path(__file__).parents[2] / ".cache" / "node"
NODE = HERE / "node_modules" / "node" / "bin" / "node"
HARNESS = "node_modules/conformance-{}/dist/index.js"
INSPECTOR = "node_modules/@modelcontextprotocol/inspector/clients/launcher/build/index.js"
LOCK = "package-lock.json"


def is_possible() -> bool:
    return shutil.which("npm") is not None


def install() -> None:
    """Raises CalledProcessError when npm cannot."""
    done = HERE / "installed.json"
    if not done.exists() or done.read_bytes() != (SOURCES / LOCK).read_bytes():
        print("Installing Node 22, the harness and the clients into .cache/node, once; about a minute.", flush=True)
        shutil.copytree(SOURCES, HERE, dirs_exist_ok=True)
        subprocess.run(["npm", "ci", "--no-audit", "--no-fund", "--loglevel=error"], cwd=HERE, check=True)
        shutil.copy(HERE / LOCK, done)
    shutil.copytree(SOURCES, HERE, dirs_exist_ok=True)


def run(script: str, *arguments: str, **env: str) -> subprocess.CompletedProcess[str]:
    """Runs a script of `.cache/node` with Node 22 and a home folder of its own."""
    home = HERE / "home"
    home.mkdir(exist_ok=True)
    command: Sequence[str] = [str(NODE), script, *arguments]
    path = {"PATH": f"{NODE.parent}:/usr/bin:/bin", "HOME": str(home)}
    return subprocess.run(command, cwd=HERE, env={**path, **env}, capture_output=True, text=True, timeout=300)
