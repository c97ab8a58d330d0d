"""`users password`: how someone gets into the dashboard, and what it ends."""

from __future__ import annotations

import os
import pty
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx

from ampost_mcp.opening import opened
from ampost_mcp.services import users
from ampost_mcp.settings import Settings
from storage import users as rows
from tests.commands.child import COMMAND, environment, run, running

EMAIL = "owner@localhost"


@contextmanager
def sign_in(url: str, password: str) -> Iterator[httpx.Client]:
    """A browser that has tried to sign in; its cookie says whether it is."""
    with httpx.Client(base_url=url, trust_env=False) as browser:
        browser.post("/api/auth/login", json={"email": EMAIL, "password": password})
        yield browser


def is_in(browser: httpx.Client) -> bool:
    return browser.get("/api/keys").status_code == 200


def test_the_owner_gets_a_password_and_a_new_one_ends_the_sessions(tmp_path: Path) -> None:
    with running(tmp_path) as server:
        server.until("/healthz")
        with sign_in(server.url, "correct horse") as early:
            assert not is_in(early)
        done = run(tmp_path, "users", "password", EMAIL, given="correct horse\n")
        assert (done.returncode, done.stderr) == (0, "") and "correct horse" not in done.stdout
        with sign_in(server.url, "correct horse") as browser:
            assert is_in(browser)
            assert run(tmp_path, "users", "password", EMAIL, given="battery staple\n").returncode == 0
            assert not is_in(browser)
        with sign_in(server.url, "correct horse") as old, sign_in(server.url, "battery staple") as new:
            assert (is_in(old), is_in(new)) == (False, True)
    stored = (tmp_path / "ampost-data" / "ampost.db").read_bytes() + (tmp_path / "ampost-data" / "ampost.db-wal").read_bytes()
    assert b"$argon2id$" in stored and b"battery staple" not in stored


def test_a_terminal_is_asked_without_echo(tmp_path: Path) -> None:
    app = opened(Settings(data_dir=tmp_path / "ampost-data", _env_file=None))  # type: ignore[call-arg]
    app.db.write_here(users.create, app.clock(), EMAIL, "max")
    ours, theirs = pty.openpty()
    command = [*COMMAND, "users", "password", EMAIL]
    shown = b""
    with subprocess.Popen(
        command, cwd=tmp_path, env=environment(), stdin=theirs, stdout=theirs, stderr=theirs, start_new_session=True
    ) as asking:
        os.close(theirs)
        for prompt in (b"not shown): ", b"Once more: "):
            while not shown.endswith(prompt):
                shown += os.read(ours, 1024)
            os.write(ours, b"a secret\n")
        shown += rest_of(ours)
        assert asking.wait(60) == 0
    os.close(ours)
    assert b"a secret" not in shown and b"signs in with this password" in shown
    assert app.db.read_here(rows.by_email, EMAIL)["password_hash"].startswith("$argon2id$")  # type: ignore[index]
    app.db.close()


def rest_of(terminal: int) -> bytes:
    """What is printed until the other side has closed, which Linux tells as an error."""
    read = b""
    try:
        while chunk := os.read(terminal, 1024):
            read += chunk
    except OSError:
        pass
    return read


def test_refusals_say_what_to_do(tmp_path: Path) -> None:
    made = run(tmp_path, "users", "create", EMAIL, "--password-stdin", given="\n")
    assert (made.returncode, made.stdout) == (1, "") and "1 to 1024 characters" in made.stderr
    unknown = run(tmp_path, "users", "password", "nobody@example.com", given="x\n")
    assert unknown.returncode == 1 and "ampost-mcp users list" in unknown.stderr
