"""What scripts read from the commands: one thing alone on stdout, lists as JSON, a status."""

from __future__ import annotations

import json
import re
import subprocess
import time
from pathlib import Path
from typing import Any

from tests.commands.child import COMMAND, Case, environment, run_each

UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\n")
EMAIL = "ana@example.com"
TOKENS = '{"accessToken": "a token", "refreshToken": "another"}'


def done(folder: Path, *words: str, given: str = "") -> str:
    (ended,) = run_each(folder, [(list(words), {})], given)
    assert (ended.status, ended.err) == (0, ""), ended
    return ended.out


def rows(text: str, name: str) -> list[dict[str, Any]]:
    found: dict[str, list[dict[str, Any]]] = json.loads(text)
    assert list(found) == [name]
    return found[name]


def test_an_installation_is_set_up_by_commands_alone(tmp_path: Path) -> None:
    made: list[Case] = [
        (["users", "create", EMAIL, "--tier", "free"], {}),
        (["users", "tier", EMAIL, "pro"], {}),
        (["keys", "create", "--user", EMAIL, "--name", "agent"], {}),
        (["sets", "create", "--user", EMAIL, "--name", "Second"], {}),
        *(([name, "list", "--json"], {}) for name in ("users", "keys", "sets")),
    ]
    ended = run_each(tmp_path, made)
    assert [(each.status, each.err) for each in ended] == [(0, "")] * len(made)
    user, tier, key, second, *lists = [each.out for each in ended]
    assert UUID.fullmatch(user) and UUID.fullmatch(second) and tier == ""
    assert re.fullmatch(r"amp_live_[\w-]{32,}\n", key)
    users, keys, sets = (rows(text, name) for text, name in zip(lists, ("users", "keys", "sets"), strict=True))
    assert [(each["id"], each["email"], each["tier"]) for each in users] == [(user.strip(), EMAIL, "pro")]
    assert set(users[0]) == {"id", "email", "tier", "createdAt"}
    assert set(keys[0]) == {"id", "name", "prefix", "userEmail", "createdAt", "lastUsedAt", "revokedAt"}
    assert key.startswith(keys[0]["prefix"]) and key.strip() not in lists[1]
    assert {each["name"]: each["isDefault"] for each in sets} == {"Default": True, "Second": False}
    assert {"id", "userId", "name", "isDefault", "createdAt", "updatedAt", "connectionCount", "userEmail"} == set(sets[0])

    account = done(
        tmp_path, "connect", "threads", "--user", EMAIL, "--set", second.strip(), "--platform-account-id", "17",
        "--username", "ana", given=TOKENS,
    )  # fmt: skip
    assert UUID.fullmatch(account)
    after: list[Case] = [
        (["sets", "default", second.strip()], {}),
        (["keys", "revoke", keys[0]["id"]], {}),
        (["sets", "list", "--json"], {}),
        (["keys", "list", "--json"], {}),
        (["doctor", "--json"], {}),
    ]
    ended = run_each(tmp_path, after)
    assert [(each.status, each.err) for each in ended] == [(0, "")] * len(after)
    listed, revoked, doctor = [each.out for each in ended[2:]]
    found = {each["name"]: (each["isDefault"], each["connectionCount"]) for each in rows(listed, "sets")}
    assert found == {"Default": (False, 0), "Second": (True, 1)}
    assert rows(revoked, "keys")[0]["revokedAt"] is not None
    checks = {each["name"]: each for each in rows(doctor, "checks")}
    assert all(set(each) == {"name", "state", "found", "fix"} for each in checks.values())
    assert {name: checks[name]["state"] for name in ("database", "tokens", "accounts", "publisher")} == {
        "database": "ok", "tokens": "ok", "accounts": "ok", "publisher": "warn",
    }  # fmt: skip
    assert "a token" not in doctor + listed + revoked


def test_help_answers_without_the_servers_packages(tmp_path: Path) -> None:
    """Half a second is the promise; what keeps it is that nothing heavy is imported."""
    program = "import sys\nfrom ampost_mcp.cli import main\ntry:\n    main(['--help'])\nfinally:\n    print(len(sys.modules))"
    began = time.process_time()
    told = subprocess.run(
        [COMMAND[0], "-c", program], cwd=tmp_path, env=environment(), capture_output=True, text=True, check=True, timeout=60
    ).stdout
    assert time.process_time() - began < 0.5
    assert "users password" in told or "create, password, tier, list" in told
    assert int(told.split()[-1]) < 250


def test_a_reader_that_has_seen_enough_is_no_failure_to_tell(tmp_path: Path) -> None:
    with subprocess.Popen(
        [*COMMAND, "openapi"], cwd=tmp_path, env=environment(), stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as telling:
        assert telling.stdout and telling.stderr
        telling.stdout.close()
        assert telling.stderr.read() == b""
        assert telling.wait(60) == 1
