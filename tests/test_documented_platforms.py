"""The documents' numbers of each platform are its table's, and their examples run."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from ampost_mcp import cli, schemas
from brokers import BROKERS
from brokers.accepts import Accepts, Limits
from brokers.base import Draft, Media
from brokers.rules import problems, read_settings
from tests.documents import LLM, README, blocks, choices, marked, numbers, section, spans, table

of_each = pytest.mark.parametrize("accepts", [broker.accepts for broker in BROKERS.values()], ids=lambda a: a.platform)
YES = {True: "yes", False: "no"}


@of_each
@pytest.mark.parametrize("text", [README, LLM], ids=["README", "llm"])
def test_a_platforms_row_is_its_table(text: str, accepts: Accepts) -> None:
    row = next(row for row in table(text, "Platform", "Key") if row["Key"] == f"`{accepts.platform}`")
    assert row["Platform"] == accepts.title
    assert (row["Text-only"], row["Scheduling"]) == (YES[accepts.text_only], YES[accepts.schedules])
    limits = list(dict.fromkeys(limit.limit for limit in accepts.texts if not limit.setting))
    assert numbers(row["Text limit"])[: len(limits)] == limits
    most = [accepts.most_media] if accepts.most_media else [kind.most for kind in accepts.kinds.values()]
    assert numbers(row["Media in one post"])[-len(most) :] == most


@of_each
def test_a_platforms_section_names_its_limits_and_settings(accepts: Accepts) -> None:
    said = section(LLM, f"### `{accepts.platform}`")
    words = set(spans(said))
    kinds = {mime for kind in accepts.kinds.values() for mime in kind.mime_types}
    assert {word for word in words if re.fullmatch(r"(image|video)/[\w.-]+", word)} == kinds | set(accepts.converts)
    wanted = [*(kind.limits for kind in accepts.kinds.values())]
    for name, placement in accepts.placements.items():
        assert name in words
        wanted += placement.kinds.values()
    assert [text for limits in wanted for text in spoken(limits) if text not in plain(said)] == []
    own = [f"{limit.limit:,}" for limit in accepts.texts if limit.setting and accepts.platform != "youtube"]
    alt = [f"{accepts.alt_text:,}"] if accepts.alt_text else []
    assert [number for number in own + alt if number not in said] == []


@of_each
def test_a_platforms_settings_are_its_models(accepts: Accepts) -> None:
    said = plain(section(LLM, f"### `{accepts.platform}`"))
    described = said[said.index("Settings:") :]
    names = {info.alias for info in accepts.settings.model_fields.values()}
    offered = choices(accepts.settings.model_json_schema())
    words = set(re.findall(r"`(\w+)`", described))
    assert words >= {*names, *offered}
    others = {"linkUrl", "scheduledFor", "true", "false", "22"}
    assert words - others <= {*names, *offered, *accepts.placements}


def plain(text: str) -> str:
    return " ".join(text.split())


def spoken(limits: Limits) -> list[str]:
    """How a limit is written: sizes in the unit that divides them, times in seconds, both ends where both bound."""
    found = []
    if limits.max_bytes:
        units = (("GiB", 2**30), ("MiB", 2**20), ("MB", 10**6))
        unit, size = next((unit, size) for unit, size in units if limits.max_bytes % size == 0)
        found.append(f"{limits.max_bytes // size} {unit}")
    if limits.seconds:
        least, most = limits.seconds
        found.append(f"{least:,g} to {most:,g} s" if least else f"{most:,g} s")
    if limits.max_pixels:
        found.append(f"{limits.max_pixels:,} pixels")
    return found


def test_the_example_call_is_valid_on_each_of_its_platforms() -> None:
    call = next(json.loads(block) for block in blocks(LLM, "json") if '"platformSetId"' in block)
    args, faults = schemas.parse(schemas.PostCreate, schemas.nest_content(call))
    assert (faults, args is not None) == ([], True)
    media = tuple(
        Media(item["type"], item["url"], mime_type=item["mimeType"], size_bytes=item["sizeBytes"],
              duration_seconds=item["durationSeconds"]) for item in call["media"]
    )  # fmt: skip
    for platform in call["platforms"]:
        accepts, override = BROKERS[platform].accepts, call["platformOverrides"].get(platform, {})
        settings, wrong = read_settings(accepts, override.get("settings"))
        draft = Draft(override.get("text", call["text"]), media, settings=settings)
        assert (wrong, problems(draft, accepts, now=datetime.now(UTC))) == ([], [])


def test_the_example_error_is_what_comes() -> None:
    error = next(json.loads(block)["error"] for block in blocks(LLM, "json") if '"error"' in block)
    (detail,) = error["details"]
    (found,) = problems(Draft("x" * detail["actual"]), BROKERS[detail["platform"]].accepts)
    assert (found.code, found.message, found.hint) == (error["code"], error["message"], error["hint"])
    assert (found.field, found.limit, found.actual) == (detail["field"], detail["limit"], detail["actual"])


@pytest.fixture
def outside(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty working directory, and no settings."""
    for name in [name for name in os.environ if name.startswith("AMPOST_")]:
        monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize("client", cli.CLIENTS)
def test_a_clients_configuration_is_what_the_command_prints(
    client: str, outside: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        cli.main(["mcp-config", "--client", client])
    assert not ended.value.code
    beside = str(Path(sys.executable).parent / "ampost-mcp")
    printed = capsys.readouterr().out.rstrip("\n").replace(beside, "ampost-mcp").replace(str(outside), "/path/to")
    assert marked(README, f"mcp-config: {client}") == printed


CHANGING: tuple[tuple[str, Any], ...] = (
    (r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", "ID"),
    (r"\d{4}-\d\d-\d\dT[\d:.]+\+00:00", "TIME"),
    (r"127\.0\.0\.1:\d+", "ADDRESS"),
    (r"\d{12,}", "NUMBER"),
)


def test_the_demo_prints_what_the_readme_shows(outside: Path) -> None:
    command = [sys.executable, "-m", "ampost_mcp", "demo"]
    printed = subprocess.run(command, cwd=outside, capture_output=True, text=True, timeout=90, check=True).stdout
    assert steady(marked(README, "demo: begin")) == steady(printed)


def steady(transcript: str) -> str:
    """A transcript without what differs from run to run."""
    for pattern, word in CHANGING:
        transcript = re.sub(pattern, word, transcript)
    return transcript.strip()
