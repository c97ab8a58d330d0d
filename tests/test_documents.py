"""The documents say what the code has: names and numbers are read from the code's own tables, in both directions."""

from __future__ import annotations

import json
import re
import shlex
import typing
from pathlib import Path
from typing import Any

import pytest
from starlette.routing import Match

from ampost_mcp import cli, schemas, settings, tiers
from ampost_mcp.app import build
from ampost_mcp.errors import STATUS
from ampost_mcp.operations import BY_NAME, OPERATIONS, Operation
from ampost_mcp.schemas import PlatformKey, PlatformStatus, PostStatus
from ampost_mcp.settings import Settings
from ampost_mcp.transports.tools import input_schema
from brokers import BROKERS
from brokers.errors import BrokerCode
from tests.documents import ADDING, COMPOSE, DOCUMENTS, LLM, README, ROOT, blocks, choices, section, spans, table

CHOICE = typing.get_args
#: Fields of the settings that are no `AMPOST_` variables.
OTHERS = {"clients", "linkedin_api_version", "linkedin_enable_organization_posting", "youtube_force_private_uploads"}
VARIABLES = {f"AMPOST_{name.upper()}" for name in Settings.model_fields if name not in OTHERS}
every_document = pytest.mark.parametrize("name", DOCUMENTS)


def code(cell: str) -> list[str]:
    return re.findall(r"`([^`]+)`", cell)


# -- tools and routes --------------------------------------------------------------------------------------------------


def test_every_tool_has_its_row() -> None:
    assert [code(row["Tool"])[0] for row in table(LLM, "Tool")] == list(BY_NAME)


@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda operation: operation.name)
def test_a_tools_row_is_its_operation(operation: Operation) -> None:
    row = next(row for row in table(LLM, "Tool") if row["Tool"] == f"`{operation.name}`")
    schema = input_schema(operation)
    optional = {name: "" if name in schema.get("required", ()) else "?" for name in schema["properties"]}
    assert set(code(row["Arguments (`?` = optional)"])) == {name + mark for name, mark in optional.items()}
    assert [*code(row["REST"])] == [f"{route.method} {route.path}" for route in operation.routes if not route.alias]
    limits = [operation.limit, *([operation.rest_limit] if operation.rest_limit else [])]
    assert code(row["Counts as"]) == limits
    answer = [info.alias or name for name, info in operation.result.model_fields.items()]
    assert row["Answer"] == f"`{{{', '.join(answer)}}}`"


def test_older_paths_are_named() -> None:
    aliases = {f"{route.method} {route.path}" for operation in OPERATIONS for route in operation.routes if route.alias}
    assert aliases and aliases <= set(spans(LLM))


@pytest.fixture(scope="module")
def routes(tmp_path_factory: pytest.TempPathFactory) -> list[Any]:
    return list(build(Settings(data_dir=tmp_path_factory.mktemp("data"), with_worker=False)).routes)


@every_document
def test_no_route_is_named_that_does_not_exist(name: str, routes: list[Any]) -> None:
    for method, path in re.findall(r"\b(GET|POST|PATCH|PUT|DELETE) (/[\w/{}.-]+)", DOCUMENTS[name]):
        scope = {"type": "http", "method": method, "path": path.replace("{", "").replace("}", ""), "headers": []}
        assert any(route.matches(scope)[0] is Match.FULL for route in routes), f"{method} {path}"


def test_every_route_for_programs_is_named(routes: list[Any]) -> None:
    known = {shape(path) for path in re.findall(r"/[\w/{}.-]+", LLM)} | {shape("/api/platforms/{p}/pages")}
    missing = {route.path for route in routes if route.path.startswith("/api/")} | {"/llm.txt", "/llms.txt", "/readyz"}
    assert {path for path in missing if shape(path) not in known} == set()


def shape(path: str) -> str:
    return re.sub(r"\{\w+\}", "{}", path.rstrip("."))


@every_document
def test_no_tool_is_named_that_does_not_exist(name: str) -> None:
    named = set(re.findall(r"\b(?:posts|accounts|platform_sets)_[a-z]+\b", DOCUMENTS[name]))
    assert named <= set(BY_NAME)


# -- shapes and words --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["Post", "PlatformPost", "PublishError", "Account", "TokenHealth", "PlatformSet"])
def test_a_shapes_keys_are_the_wires(name: str) -> None:
    said = re.search(rf"^type {name} = \{{(.*?)\}}(?:\s*//.*)?$", LLM, re.M | re.S)
    assert said is not None
    keys = re.findall(r"(\w+)\??\s*(?=[:,]|$)", re.sub(r":[^,]*", "", said[1]).strip())
    assert set(keys) == set(typing.get_type_hints(getattr(schemas, name)))


def test_media_have_the_keys_of_the_model() -> None:
    said = re.search(r"^type PostMedia = \{(.*?)\}$", LLM, re.M | re.S)
    assert said is not None
    for name, info in schemas.PostMedia.model_fields.items():
        assert re.search(rf"\b{info.serialization_alias or info.alias or name}\b", said[1]), name


def test_every_status_is_explained() -> None:
    words = set(spans(section(LLM, "## Shapes")))
    assert words >= {*CHOICE(PostStatus), *CHOICE(PlatformStatus)}


def test_every_error_code_has_its_row() -> None:
    rows = {code(row["Code"])[0]: (int(row["HTTP"]), row["Do next"]) for row in table(LLM, "Code", "HTTP")}
    assert {name: status for name, (status, _) in rows.items()} == STATUS
    assert all(next_step for _, next_step in rows.values())


def test_every_broker_code_has_its_row() -> None:
    assert [code(row["Broker code"])[0] for row in table(LLM, "Broker code")] == list(CHOICE(BrokerCode))


@every_document
def test_no_code_or_setting_is_named_that_does_not_exist(name: str) -> None:
    capitals = set(re.findall(r"(?<![\w$.@])[A-Z][A-Z0-9]*(?:_[A-Z0-9]+)+\b", " ".join(spans(DOCUMENTS[name]))))
    offered = set().union(*(choices(broker.accepts.settings.model_json_schema()) for broker in BROKERS.values()))
    credentials = {word for row in table(README, "Platform", "Credentials") for word in re.findall(r"[A-Z_]{8,}", str(row))}
    others = {
        "SET_ID", "POST_ID", "NAME_FILE", "CLIENT_ID", "CLIENT_SECRET", "REDIRECT_URI", "NOT_SEEN",
        "FORWARDED_ALLOW_IPS", "OTEL_EXPORTER_OTLP_ENDPOINT",
    }  # fmt: skip
    known = {*STATUS, *CHOICE(BrokerCode), *VARIABLES, *offered, *credentials, *others}
    assert capitals - known == set()


def test_the_limits_are_the_tiers() -> None:
    said = {code(row["Limit"])[0]: row for row in table(LLM, "Limit", "free")}
    assert set(said) == set(tiers.LIMITS)
    for limit, amounts, window in tiers.limits_text():
        assert {tier: int(said[limit][tier]) for tier in amounts} == amounts
        assert said[limit]["Window"] == window


# -- settings and commands ---------------------------------------------------------------------------------------------


def test_every_setting_has_its_row_and_default() -> None:
    rows = {code(row["Setting"])[0]: row for row in table(README, "Setting")}
    assert set(rows) == VARIABLES
    for name, row in rows.items():
        default = Settings.model_fields[name.removeprefix("AMPOST_").lower()].default
        if default not in ("", None):
            said = code(row["Default"])[0].removeprefix("./")
            assert said == (str(default).lower() if isinstance(default, bool) else str(default)), name


@every_document
def test_no_variable_is_named_that_does_not_exist(name: str) -> None:
    named = set(re.findall(r"\bAMPOST_[A-Z_]*[A-Z]\b", DOCUMENTS[name]))
    assert named - VARIABLES <= {"AMPOST_API_KEY"}  # the shell's own, in an example


def test_every_credential_that_is_named_is_read(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    rows = {row["Platform"]: row for row in table(README, "Platform", "Credentials")}
    assert len(rows) == len(settings.PLATFORMS)
    for platform in settings.PLATFORMS:
        monkeypatch.setenv(f"{platform.upper()}_CLIENT_ID", "an-id")
    for name in [name for row in rows.values() for name in re.findall(r"`([A-Z]+_[A-Z_]+)`", str(row))]:
        with monkeypatch.context() as changed:
            if name == "TIKTOK_CLIENT_KEY":
                changed.delenv("TIKTOK_CLIENT_ID")
            before = settings.load()
            value = "true" if "ENABLE" in name or "FORCE" in name else "202611"
            changed.setenv(name, value)
            after = settings.load()
            assert after != before, name
            changed.delenv(name)
            (tmp_path / "value").write_text(f"{value}\n")
            changed.setenv(f"{name}_FILE", str(tmp_path / "value"))
            assert settings.load() == after, name


def test_every_command_has_its_row() -> None:
    assert [name for row in table(README, "Command") for name in code(row["Command"])] == list(cli.COMMANDS)


@every_document
def test_commands_and_options_that_are_named_exist(name: str) -> None:
    text = DOCUMENTS[name].replace("\\\n", " ")
    lines = [*spans(text), *(line for block in blocks(text, "sh") for line in block.splitlines())]
    for line in [*lines, *re.findall(r"command: (ampost-mcp .*)", text)]:
        for said in re.findall(r"(?<![\w@/])(?:\.venv/bin/)?ampost-mcp ([^|#]+)", line):
            words = shlex.split(said)
            command = " ".join(words[:2]) if " ".join(words[:2]) in cli.COMMANDS else words[0]
            assert command in (*cli.COMMANDS, "COMMAND"), line
            options = {option for given, _ in cli.COMMANDS.get(command, ("", "", ()))[2] for option in given}
            assert {word for word in words if word.startswith("--")} <= options | {"--help"}, line


@every_document
def test_make_targets_that_are_named_exist(name: str) -> None:
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), re.M))
    assert set(re.findall(r"(?:`|^)make ([a-z]+)", DOCUMENTS[name], re.M)) <= targets


# -- the pages themselves ----------------------------------------------------------------------------------------------


@every_document
def test_links_lead_somewhere(name: str) -> None:
    for link in re.findall(r"\]\((?!https?:)([^)]+)\)", DOCUMENTS[name]):
        path, _, anchor = link.partition("#")
        target = (ROOT / name).parent / path if path else ROOT / name
        assert target.exists(), link
        if anchor:
            headings = re.findall(r"^#+ (.*)$", target.read_text("utf-8"), re.M)
            assert anchor in {heading.lower().replace(" ", "-") for heading in headings}, link


@every_document
def test_no_path_of_a_machine(name: str) -> None:
    assert re.findall(r"(?<![\w.])/(?:work|home|root|Users|tmp|opt|mnt)/[\w/.-]*", DOCUMENTS[name]) == []


@every_document
def test_json_is_json(name: str) -> None:
    for block in blocks(DOCUMENTS[name], "json"):
        json.loads(block)


def test_the_code_of_the_made_up_platform_is_what_runs() -> None:
    running = "".join((ROOT / "tests/brokers" / name).read_text() for name in ("pigeon.py", "test_made_up_platform.py"))
    shown = blocks(ADDING, "python")
    assert len(shown) == 7
    assert [block for block in shown if block not in running] == []


def test_the_lists_of_platforms_agree() -> None:
    assert set(cli.PLATFORMS) == set(settings.PLATFORMS) == set(CHOICE(PlatformKey)) == set(BROKERS)
    assert cli.TIERS == tiers.TIERS


def test_the_example_for_several_machines_installs_what_there_is() -> None:
    for line in re.findall(r"^ +COPY (.*)$", COMPOSE, re.M):
        assert [name for name in line.split()[:-1] if not (ROOT / name).exists()] == []
