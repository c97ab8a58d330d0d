"""The guarded fetch: over real HTTP, with a resolver handed in where a name's answer matters."""

from __future__ import annotations

import hashlib
from pathlib import Path
from urllib.parse import quote

import pytest

from ampost_mcp.services.fetching import Caps, fetch
from brokers.errors import PlatformError
from tests.media.conftest import Host, image


async def refusal(url: str, tmp_path: Path, **options: object) -> PlatformError:
    with pytest.raises(PlatformError) as caught:
        await fetch(url, tmp_path / "got", **options)  # type: ignore[arg-type]
    assert caught.value.code == "MEDIA_UPLOAD_FAILED"
    return caught.value


async def test_a_fetched_file_is_the_file(host: Host, tmp_path: Path) -> None:
    content = image(size=(300, 200)) + bytes(400_000)
    got = await fetch(host.put("/a.jpg", content), tmp_path / "got", allow=host.allow)
    assert got.path.read_bytes() == content
    assert (got.size_bytes, got.sha256) == (len(content), hashlib.sha256(content).hexdigest())


async def test_a_private_address_is_not_even_connected_to(host: Host, tmp_path: Path) -> None:
    error = await refusal(host.root + "/a.jpg", tmp_path, allow=frozenset())
    assert error.kind == "content" and host.seen == []


@pytest.mark.parametrize("name", ["localhost", "2130706433", "0x7f.1", "[::ffff:127.0.0.1]"])
async def test_no_spelling_of_loopback_gets_through(host: Host, tmp_path: Path, name: str) -> None:
    error = await refusal(f"http://{name}:{host.port}/a.jpg", tmp_path, allow=host.allow)
    assert error.kind == "content" and host.seen == []


async def test_the_checked_address_is_the_connected_address(host: Host, tmp_path: Path) -> None:
    """The name exists for the handed-in resolver only, and is asked for once."""
    asked = []

    async def resolve(name: str, port: int) -> list[str]:
        asked.append(name)
        return ["127.0.0.1"]

    host.put("/a.jpg", image())
    url = f"http://media.invalid:{host.port}/a.jpg"
    await fetch(url, tmp_path / "got", allow=frozenset({("media.invalid", host.port)}), resolve=resolve)
    assert asked == ["media.invalid"]


async def test_a_name_that_turns_private_on_the_second_look_up_is_refused(host: Host, tmp_path: Path) -> None:
    answers = [["8.8.8.8"], ["127.0.0.1"]]

    async def resolve(name: str, port: int) -> list[str]:
        return answers.pop(0)

    assert await resolve("rebind.invalid", host.port) == ["8.8.8.8"]  # an earlier check, which must not count
    url = f"http://rebind.invalid:{host.port}/a.jpg"
    error = await refusal(url, tmp_path, allow=frozenset(), resolve=resolve)
    assert "public" in error.message and host.seen == []


async def test_redirects_are_followed_and_checked_at_every_hop(host: Host, tmp_path: Path) -> None:
    target = host.put("/a.jpg", image())
    await fetch(f"{host.root}/to?u={quote(target)}", tmp_path / "got", allow=host.allow)
    inside = f"http://localhost:{host.port}/a.jpg"
    host.seen.clear()
    error = await refusal(f"{host.root}/to?u={quote(inside)}", tmp_path, allow=host.allow)
    assert error.kind == "content" and host.seen == ["/to"]


async def test_relative_redirects_work(host: Host, tmp_path: Path) -> None:
    host.put("/a.jpg", image())
    assert (await fetch(f"{host.root}/to?u=/a.jpg", tmp_path / "got", allow=host.allow)).size_bytes > 100


async def test_three_redirects_are_followed_and_a_fourth_is_not(host: Host, tmp_path: Path) -> None:
    host.put("/a.jpg", image())
    chain = "/a.jpg"
    for _ in range(3):
        chain = f"/to?u={quote(chain, safe='')}"
    assert (await fetch(host.root + chain, tmp_path / "got", allow=host.allow)).size_bytes
    longer = f"{host.root}/to?u={quote(chain, safe='')}"
    assert "redirects more than 3" in (await refusal(longer, tmp_path, allow=host.allow)).message


@pytest.mark.parametrize("target", ["file:///etc/passwd", "ftp://127.0.0.1/x", "gopher://127.0.0.1/x"])
async def test_a_redirect_leaves_http_for_nothing_else(host: Host, tmp_path: Path, target: str) -> None:
    assert (await refusal(f"{host.root}/to?u={quote(target)}", tmp_path, allow=host.allow)).kind == "content"


async def test_too_large_is_refused_by_the_announced_and_by_the_real_size(host: Host, tmp_path: Path) -> None:
    caps = Caps(max_bytes=100_000)
    for url in (host.put("/big", bytes(100_001)), host.root + "/endless"):
        error = await refusal(url, tmp_path, allow=host.allow, caps=caps)
        assert error.kind == "content" and "larger" in error.message


async def test_a_trickle_ends_at_the_total_time(host: Host, tmp_path: Path) -> None:
    error = await refusal(host.root + "/slow", tmp_path, allow=host.allow, caps=Caps(total=0.2))
    assert error.kind == "transient" and "slow" in error.message


@pytest.mark.parametrize(("status", "kind"), [(404, "content"), (403, "content"), (503, "transient"), (429, "transient")])
async def test_what_the_host_refuses(host: Host, tmp_path: Path, status: int, kind: str) -> None:
    error = await refusal(f"{host.root}/status/{status}?token=topsecret", tmp_path, allow=host.allow)
    assert error.kind == kind and str(status) in error.message and "topsecret" not in error.message


async def test_the_environment_proxy_is_not_used(host: Host, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    monkeypatch.setenv("ALL_PROXY", "http://127.0.0.1:9")
    assert (await fetch(host.put("/a.jpg", image()), tmp_path / "got", allow=host.allow)).size_bytes


async def test_nobody_home_is_transient(tmp_path: Path, host: Host) -> None:
    url = "http://127.0.0.1:9/a.jpg"
    assert (await refusal(url, tmp_path, allow=frozenset({("127.0.0.1", 9)}))).kind == "transient"
