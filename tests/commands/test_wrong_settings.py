"""A server that cannot start says in one line what is wrong and how to mend it; never a traceback, never a password."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest
from pydantic import ValidationError

from ampost_mcp.cli import CommandError
from ampost_mcp.commands.failing import sentence
from ampost_mcp.commands.first_start import prepare
from ampost_mcp.opening import opened
from ampost_mcp.settings import Settings, load
from tests.commands.child import Case, Ended, run_each

PASSWORD = "hunter2secret"
DATABASE = "AMPOST_DATABASE_URL"

#: Command and settings -> words that its line must have.
WRONG: list[tuple[Case, tuple[str, ...]]] = [
    ((["serve"], {"database_url": f"mysql://me:{PASSWORD}@db/x"}), (DATABASE, "postgresql://")),
    ((["serve"], {"database_url": f"postgresql://me:{PASSWORD}@db:port/x"}), (DATABASE, "postgresql://")),
    ((["serve"], {"database_url": f"postgresql://me:x:{PASSWORD}/y@db.invalid/x"}), (DATABASE,)),
    ((["serve"], {"database_url": f"postgresql://me:{PASSWORD}@127.0.0.1:1/x"}), (DATABASE, "refused")),
    ((["worker"], {"database_url": f"postgresql://me:{PASSWORD}@127.0.0.1:1/x"}), (DATABASE, "refused")),
    ((["stdio"], {"database_url": f"postgresql://me:{PASSWORD}@127.0.0.1:1/x"}), (DATABASE, "refused")),
    ((["users", "list"], {"database_url": f"postgresql://me:{PASSWORD}@127.0.0.1:1/x"}), (DATABASE, "refused")),
    ((["serve"], {"database_url": "nonsense"}), (DATABASE, "sqlite:///path")),
    ((["serve"], {"database_url": "sqlite:////proc/none/x.db"}), (DATABASE, "/proc/none")),
    ((["serve"], {"database_url": "sqlite:///junk.db"}), (DATABASE, "not a database")),
    ((["serve", "--data-dir", "junk.db"], {}), ("data folder junk.db", "--data-dir")),
    ((["serve", "--data-dir", "/proc/none"], {}), ("data folder /proc/none", "--data-dir")),
    ((["serve", "--port", "TAKEN"], {}), ("TAKEN", "in use", "--port")),
    ((["sandbox", "--port", "TAKEN"], {}), ("TAKEN", "in use", "--port")),
    ((["serve", "--host", "203.0.113.7"], {}), ("203.0.113.7", "--host")),
    ((["serve", "--host", "no.host.invalid"], {}), ("no.host.invalid", "--host")),
    ((["serve", "--port", "99999"], {}), ("AMPOST_PORT", "65535")),
    ((["serve"], {"port": "abc"}), ("AMPOST_PORT", "integer")),
    ((["serve"], {"secret_keys": "hunter2short"}), ("AMPOST_SECRET_KEYS", "32 characters")),
    ((["serve"], {"secret_keys_file": "/none/here"}), ("/none/here",)),
    ((["serve"], {"platform_timeout": "-1", "scheduling": "never"}), ("AMPOST_PLATFORM_TIMEOUT", "AMPOST_SCHEDULING")),
    ((["serve"], {"log_level": "chatty"}), ("AMPOST_LOG_LEVEL", "'debug'")),
    ((["serve"], {"public_url": "example.com"}), ("AMPOST_PUBLIC_URL", "https://")),
    ((["serve"], {"media_allow": "localhost"}), ("AMPOST_MEDIA_ALLOW", "'localhost' is not host:port")),
    ((["worker"], {"media_allow": "intranet:80, host:abc"}), ("AMPOST_MEDIA_ALLOW", "'host:abc' is not host:port")),
    ((["serve"], {"media_allow": "host:65536"}), ("AMPOST_MEDIA_ALLOW", "host:port")),
    ((["serve"], {"rate_limit_storage": "nonsense://x"}), ("AMPOST_RATE_LIMIT_STORAGE", "redis://")),
    ((["serve", "--sandbox"], {"platforms_url": "http://127.0.0.1:9"}), ("AMPOST_PLATFORMS_URL", "--sandbox")),
]


def line_of(ended: Ended) -> str:
    assert (ended.status, ended.out) == (1, "")
    assert ended.err.startswith("ampost-mcp: ") and ended.err.count("\n") == 1, ended.err
    for never in (PASSWORD, "hunter2", "Traceback", "amp_live_"):
        assert never not in ended.err
    return ended.err


def test_what_is_wrong_is_said_in_one_line(tmp_path: Path) -> None:
    (tmp_path / "junk.db").write_text("this is no database " * 100)
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        cases = [([port if word == "TAKEN" else word for word in words], more) for (words, more), _ in WRONG]
        answers = run_each(tmp_path, cases)
    for (case, expected), ended in zip(WRONG, answers, strict=True):
        line = line_of(ended)
        for words in expected:
            assert words.replace("TAKEN", port) in line, (case, line)
    assert not (tmp_path / "ampost-data" / "ampost.db").exists()


def test_tokens_of_another_key_stop_the_start(tmp_path: Path) -> None:
    """Without this every account would fail at its next post, and look as if it had to be connected again."""
    app = opened(Settings(data_dir=tmp_path / "ampost-data", sandbox=True, _env_file=None))  # type: ignore[call-arg]
    assert "amp_live_" in prepare(app)
    app.db.close()
    other = {"secret_keys": "another key that is as long as it has to be"}
    own = (tmp_path / "ampost-data" / "secret.key").read_text()
    both = {"secret_keys": f"{other['secret_keys']},{own}"}
    cases: list[Case] = [(["serve"], other), (["worker"], other), (["rotate-keys"], both), (["users", "list"], other)]
    serve, worker, rotated, after = run_each(tmp_path, cases)
    for ended in (serve, worker):
        assert "AMPOST_SECRET_KEYS" in line_of(ended) and "secret.key" in line_of(ended)
    assert (rotated.status, rotated.out.split()[0]) == (0, "7")
    assert after.status == 0


def test_a_database_of_a_later_version_stops_the_start(tmp_path: Path) -> None:
    from sqlalchemy import text

    app = opened(Settings(data_dir=tmp_path / "ampost-data", _env_file=None))  # type: ignore[call-arg]
    app.db.write_here(lambda session: session.execute(text("UPDATE alembic_version SET version_num = '9999'")))
    app.db.close()
    assert "9999" in line_of(run_each(tmp_path, [(["serve"], {})])[0])


def test_a_setting_without_prefix_is_called_by_its_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "value").write_text("maybe\n")
    monkeypatch.setenv("YOUTUBE_FORCE_PRIVATE_UPLOADS", "")
    monkeypatch.setenv("YOUTUBE_FORCE_PRIVATE_UPLOADS_FILE", "value")
    with pytest.raises(ValidationError) as caught:
        load()
    assert sentence(caught.value).startswith("A setting is wrong: YOUTUBE_FORCE_PRIVATE_UPLOADS: ")


def test_what_a_task_group_ends_with_is_said_like_anything_else() -> None:
    assert sentence(ExceptionGroup("two tasks", [CommandError("It is broken: mend it.")])) == "It is broken: mend it."
