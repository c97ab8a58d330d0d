"""Who may use a session, where from, and when streams end."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import httpx
import pytest

from ampost_mcp.app import build
from ampost_mcp.transports import mcp_http
from storage import keys, posts, users
from tests.edge import wire
from tests.edge.conftest import Owner, Site, settings_for, until

ERAS = ("legacy", "modern")


async def call(http: httpx.AsyncClient, headers: dict[str, str]) -> httpx.Response:
    return await http.post("/mcp", json=wire.message("tools/list"), headers=headers)


async def test_a_session_lives_from_initialize_to_delete(http: httpx.AsyncClient) -> None:
    session = await wire.begin_session(http)
    assert len(wire.result_of(await call(http, session))["tools"]) == 13
    assert (await http.delete("/mcp", headers=session)).status_code == 200
    assert (await call(http, session)).status_code == 404


async def test_a_session_belongs_to_its_key(http: httpx.AsyncClient, owner: Owner, site: Site) -> None:
    session = await wire.begin_session(http)
    _, other_key = site.app.db.write_here(keys.insert, owner.user_id, "second", site.app.clock())
    for key, status in ((other_key, 404), (site.owner().key, 404), ("amp_live_" + "x" * 43, 401)):
        theirs = {**session, "Authorization": f"Bearer {key}"}
        assert (await call(http, theirs)).status_code == status
        assert (await http.delete("/mcp", headers=theirs)).status_code == status
    assert (await call(http, session)).status_code == 200


@pytest.mark.parametrize("era", ERAS)
async def test_revoking_a_key_ends_its_streams(http: httpx.AsyncClient, owner: Owner, site: Site, era: str) -> None:
    other = site.owner()
    async with (
        wire.open_stream(http, era) as stream,
        httpx.AsyncClient(base_url=site.url, headers=other.headers, trust_env=False) as others,
        wire.open_stream(others, era) as others_stream,
    ):
        # Not through the service: as if another process had done it.
        await site.app.db.write(keys.revoke, owner.user_id, owner.key_id, site.app.clock())
        async with asyncio.timeout(5):
            await wire.ended(stream)
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.2):
                await wire.ended(others_stream)
    assert (await http.get("/api/v1/posts")).status_code == 401
    assert (await http.post("/mcp", json=wire.initialize(), headers=wire.ACCEPT)).status_code == 401


@pytest.mark.parametrize("era", ERAS)
async def test_losing_the_tier_ends_streams_and_closes_every_door(
    http: httpx.AsyncClient, owner: Owner, site: Site, era: str
) -> None:
    async with wire.open_stream(http, era) as stream:
        await site.app.db.write(users.change, owner.user_id, tier="free")
        async with asyncio.timeout(5):
            await wire.ended(stream)
    for answer in (
        await http.get("/api/v1/posts"), await http.get("/api/platforms/sets"),
        await http.post("/mcp", json=wire.initialize(), headers=wire.ACCEPT),
    ):  # fmt: skip
        assert (answer.status_code, answer.json()["error"]["code"]) == (403, "PLAN_UPGRADE_REQUIRED")


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Host": "evil.example"}, 421),
        ({"Host": "localhost:{port}.evil.example"}, 421),
        ({"Host": "localhost:{port}"}, 200),
        ({"Host": "LOCALHOST"}, 200),
        ({"Host": "LocalHost:1"}, 200),
        ({"Host": "127.0.0.1:65535"}, 200),
        ({"Host": "[::1]:9999"}, 200),
        ({"Host": "localhost:x"}, 421),
        ({"Host": "localhost:1@evil.example"}, 421),
        ({"Host": "[::1].evil.example:1"}, 421),
        ({"Origin": "http://localhost:1"}, 403),
        ({"Origin": "https://evil.example"}, 403),
        ({"Origin": "http://localhost:{port}.evil.example"}, 403),
        ({"Origin": "null"}, 403),
        ({"Origin": "http://127.0.0.1:{port}"}, 200),
    ],
)
async def test_host_and_origin_are_ours(http: httpx.AsyncClient, site: Site, headers: dict[str, str], status: int) -> None:
    port = str(site.app.settings.port)
    headers = {name: value.replace("{port}", port) for name, value in headers.items()}
    answer = await http.post("/mcp", json=wire.initialize(), headers={**wire.ACCEPT, **headers})
    assert answer.status_code == status, answer.text
    assert status == 200 or answer.json()["error"]["code"] == "FORBIDDEN"


@pytest.mark.parametrize(("host", "status"), [("API.example.com", 401), ("api.EXAMPLE.com:443", 401), ("api.example.com:1", 421)])
async def test_the_public_host_may_be_written_in_any_case(tmp_path: Path, host: str, status: int) -> None:
    starlette = build(settings_for(tmp_path, public_url="https://Api.Example.com"))
    async with httpx.AsyncClient(transport=httpx.ASGITransport(starlette), base_url="http://test") as http:
        assert (await http.post("/mcp", headers={"Host": host})).status_code == status


async def test_a_foreign_host_learns_nothing_without_a_key(http: httpx.AsyncClient) -> None:
    answer = await http.post("/mcp", headers={"Host": "evil.example", "Authorization": ""})
    assert answer.status_code == 421


@pytest.mark.parametrize("more", [{}, {"Mcp-Method": "initialize"}, {"Mcp-Method": "subscriptions/listen"}])
async def test_a_key_may_begin_sessions_again_and_again(
    http: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch, more: dict[str, str]
) -> None:
    monkeypatch.setitem(mcp_http.MOST, "session", 3)
    http.headers.update(more)  # a header of the other protocol does not hide a session from the count
    sessions = [await wire.begin_session(http) for _ in range(5)]
    assert [(await call(http, session)).status_code for session in sessions] == [404, 404, 200, 200, 200]


async def test_streams_of_a_key_are_bounded(http: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(mcp_http.MOST, "stream", 1)
    async with wire.open_stream(http, "modern"):
        session = await wire.begin_session(http)
        refused = await http.get("/mcp", headers={**session, "Accept": "text/event-stream"})
        assert (refused.status_code, refused.json()["error"]["code"]) == (429, "RATE_LIMITED")

    async def is_free() -> bool:
        async with http.stream("GET", "/mcp", headers={**session, "Accept": "text/event-stream"}) as answer:
            return answer.status_code == 200

    await until(is_free)


async def test_the_modern_protocol_has_no_sessions(http: httpx.AsyncClient) -> None:
    body, headers = wire.tool_call("platform_sets_list", {})
    answer = await http.post("/mcp", json=body, headers=headers)
    assert answer.status_code == 200
    assert "mcp-session-id" not in answer.headers
    for method in ("GET", "DELETE", "PUT"):
        refused = await http.request(method, "/mcp", headers=headers)
        assert (refused.status_code, refused.json()["error"]["code"]) == (405, "METHOD_NOT_ALLOWED")


async def test_white_space_around_header_values_is_ignored(site: Site, owner: Owner) -> None:
    """httptools leaves it in place, and the SDK compares header and body. (httpx would not send it.)"""
    body, headers = wire.tool_call("platform_sets_list", {})
    content = json.dumps(body).encode()
    port = site.app.settings.port
    sent = {**headers, "Host": f"127.0.0.1:{port}", "Connection": "close", "Content-Length": str(len(content))}
    lines = "".join(f"{name}: {value}  \r\n" for name, value in {**sent, **owner.headers}.items())
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(f"POST /mcp HTTP/1.1\r\n{lines}\r\n".encode() + content)
    assert (await reader.readline()).split()[1] == b"200"
    writer.close()


@pytest.mark.parametrize("era", ERAS)
async def test_revoking_a_key_ends_its_waiting_calls_but_not_the_work(site: Site, era: str) -> None:
    owner = site.owner(platforms=())
    account_id = site.connect(owner.user_id, owner.set_id, "threads")
    async with httpx.AsyncClient(base_url=site.url, headers=owner.headers, trust_env=False, timeout=30) as http:
        account = (await http.get(f"/api/v1/accounts/{account_id}")).json()["account"]
        slow = {"platform": "threads", "step": "upload", "fault": "delay", "delay": 2.5}
        await http.post("/sandbox/_control/faults", json={**slow, "account": account["platformAccountId"]})
        draft = {"content": {"text": "Slow"}, "platforms": ["threads"], "platformSetId": owner.set_id}
        post_id = (await http.post("/api/v1/posts", json=draft)).json()["post"]["id"]
        arguments = {"postId": post_id}
        if era == "legacy":
            headers = await wire.begin_session(http)
            body = wire.message("tools/call", {"name": "posts_publish", "arguments": arguments})
        else:
            body, headers = wire.tool_call("posts_publish", arguments)
        call = asyncio.create_task(http.post("/mcp", json=body, headers=headers))
        await until(lambda: is_posting(site, owner, post_id))
        await site.app.db.write(keys.revoke, owner.user_id, owner.key_id, site.app.clock())
        answer = await call
        assert (answer.status_code, answer.json()["error"]["code"]) == (401, "UNAUTHORIZED")
    await until(lambda: has_status(site, owner, post_id, "published"))


async def is_posting(site: Site, owner: Owner, post_id: str) -> bool:
    return await has_status(site, owner, post_id, "posting")


async def has_status(site: Site, owner: Owner, post_id: str, status: str) -> bool:
    rows = await site.app.db.read(posts.read, owner.user_id, post_id)
    return bool(rows[0].status == status)
