"""What scripts read from the commands: one thing alone on stdout, lists as JSON, a status."""

from __future__ import annotations

import json
import re
import sqlite3
import subprocess
import time
from pathlib import Path
from typing import Any

import pytest

from brokers.sandbox.app import build as build_simulator
from brokers.sandbox.world import World
from tests.commands.child import COMMAND, Case, Ended, environment, run_each
from tests.serving import serving

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


# -- what is refused, and what it says -----------------------------------------------------------------------------------


@pytest.fixture
def connect(tmp_path: Path) -> list[str]:
    """The words of a `connect` to the default set of a new user, but for the platform."""
    made = run_each(tmp_path, [(["users", "create", EMAIL], {}), (["sets", "list", "--json"], {})])
    return ["--user", EMAIL, "--set", rows(made[1].out, "sets")[0]["id"]]


def line_of(ended: Ended) -> str:
    assert (ended.status, ended.out, ended.err.count("\n")) == (1, "", 1), ended
    return ended.err.removeprefix("ampost-mcp: ").rstrip("\n")


#: Standard input -> what `connect` says is wrong with it.
NOT_TOKENS = {
    "": "What standard input holds is no JSON.",
    '{"accessToken": "SECRET"} more': "What standard input holds is no JSON.",
    "[" * 100_000: "What standard input holds is no JSON.",
    '["SECRET"]': "What standard input holds is no JSON object.",
    "{}": "accessToken is required.",
    '{"accessToken": ""}': "accessToken must be a token",
    '{"accessToken": "SECRET\\n"}': "accessToken must be a token",
    '{"accessToken": "SECRET\u00e9"}': "accessToken must be a token",
    '{"accessToken": "SECRET", "refreshToken": 7}': "refreshToken must be a string.",
    '{"accessToken": 7, "refreshtoken": "SECRET"}': "accessToken must be a string. refreshtoken is not a known field.",
}


def test_connect_says_what_is_wrong_with_its_input(tmp_path: Path, connect: list[str]) -> None:
    words = ["connect", "threads", *connect, "--platform-account-id", "17", "--username", "ana"]
    answers = run_each(tmp_path, [(words, {})] * len(NOT_TOKENS), list(NOT_TOKENS))
    for (given, said), ended in zip(NOT_TOKENS.items(), answers, strict=True):
        line = line_of(ended)
        assert line.startswith(said) and line.endswith("refreshToken may be left out."), (given[:50], line)
        assert '{"accessToken": "...", "refreshToken": "..."}' in line and "SECRET" not in line
    assert UUID.fullmatch(done(tmp_path, *words, given='{"accessToken": "a token", "refreshToken": null}'))


def test_connect_says_how_to_mend_what_the_platform_refuses(tmp_path: Path, connect: list[str]) -> None:
    simulator = build_simulator()
    world: World = simulator.state.world
    with serving(simulator) as platforms:
        there = {"platforms_url": platforms}
        refused, unreached = run_each(
            tmp_path,
            [
                (["connect", "threads", *connect], there),
                (["connect", "threads", *connect], {"platforms_url": "http://127.0.0.1:9"}),
            ],
            TOKENS,
        )
        given = json.dumps({"accessToken": world.standing_token("facebook", 1)})
        asked = ["connect", "facebook", *connect]
        wrong, first = run_each(tmp_path, [([*asked, "--platform-account-id", "17"], there), (asked, there)], given)
    assert line_of(refused) == "Error validating access token. Get a new token from Threads and give that."
    assert line_of(unreached).endswith("Check the network, then connect with the token again.")
    its = world.identity("facebook", 1)
    assert f"no account with the id 17; it has {its.id} ({its.name})." in line_of(wrong)
    assert UUID.fullmatch(first.out)


#: Words of a command -> what it must say to do.
HOW: list[tuple[list[str], str]] = [
    (["users", "create", EMAIL], f"ampost-mcp users password {EMAIL} and ampost-mcp users tier {EMAIL} TIER change it"),
    (["connect", "threads", "--user", EMAIL, "--set", "none", "--platform-account-id", "17", "--username", "ana"],
     "ampost-mcp sets list shows them."),
    (["keys", "create", "--user", EMAIL, "--name", ""], "name must have at least 1 character. Mend this"),
    (["keys", "create", "--user", EMAIL, "--name", " \t"], "name must not be blank. Mend this"),
    (["sets", "create", "--user", EMAIL, "--name", "x" * 51], "name must have at most 50 characters. Mend this"),
]  # fmt: skip


def test_a_refusal_says_how_to_mend_it(tmp_path: Path, connect: list[str]) -> None:
    answers = run_each(tmp_path, [(words, {}) for words, _ in HOW], TOKENS)
    for (words, said), ended in zip(HOW, answers, strict=True):
        line = line_of(ended)
        assert said in line, words
        assert "details" not in line and "platform_sets_list" not in line


#: Wrong usage -> what it says.
USAGE: list[tuple[list[str], str]] = [
    *((["connect", "threads", "--user", EMAIL, "--set", "x", f"--expires-in={life}"], f"'{life}' is not a number of seconds")
      for life in ("nan", "inf", "1e300", "-5", "0", "soon", "316224001")),
    (["settle", "x", "threads"], "one of the arguments --published --not-published is required"),
    (["settle", "x", "threads", "--published", "https://a.example/1", "--not-published"], "not allowed with"),
    *((["settle", "x", "threads", "--published", link], "is not a link")
      for link in ("", "yes", "ftp://a.example/1", "javascript:alert(1)", "https://", "https:///1", "https://a.example/1 2")),
]  # fmt: skip


def test_wrong_usage_has_a_status_of_its_own(tmp_path: Path) -> None:
    answers = run_each(tmp_path, [(words, {}) for words, _ in USAGE], TOKENS)
    for (words, said), ended in zip(USAGE, answers, strict=True):
        assert (ended.status, ended.out) == (2, "") and said in ended.err, words
    right: list[Case] = [
        (["settle", "x", "threads", "--published", "HTTP://a.example"], {}),
        (["settle", "x", "threads", "--not-published"], {}),
    ]
    assert ["No post x is for threads." in line_of(ended) for ended in run_each(tmp_path, right)] == [True, True]


def test_doctor_names_an_account_without_a_username(tmp_path: Path, connect: list[str]) -> None:
    done(tmp_path, "connect", "linkedin", *connect, "--platform-account-id", "17", "--username", "ana", given=TOKENS)
    for change, name in (
        ("username = NULL", "the account 17"),
        ("display_name = 'Ana B.'", "Ana B."),
        ("username = 'ana'", "@ana"),
    ):
        with sqlite3.connect(tmp_path / "ampost-data" / "ampost.db") as db:
            db.execute(f"UPDATE accounts SET reconnect_required = 1, {change}")
        db.close()
        (ended,) = run_each(tmp_path, [(["doctor", "--json"], {})])
        found = [each["found"] for each in rows(ended.out, "checks") if each["state"] == "fail"]
        assert ended.status == 1 and found == [f"{name} must be connected again (active)"]


def test_stdio_needs_a_tier_with_api_access(tmp_path: Path) -> None:
    _, ended = run_each(tmp_path, [(["users", "create", EMAIL, "--tier", "free"], {}), (["stdio"], {})])
    assert ended.status == 1 and ended.err.splitlines()[-1].endswith("ampost-mcp users tier EMAIL pro.")
