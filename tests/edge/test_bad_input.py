"""Whatever the bytes: a documented 4xx with the error object, never a 5xx."""

from __future__ import annotations

import json
from typing import Any

import httpx
import pytest

from tests.edge import wire
from tests.edge.conftest import EACH_DATABASE, NOWHERE, Owner, Site, through, without_id

JSON = {"Content-Type": "application/json"}
DEEP = b'{"content":' + b'{"a":' * 1000 + b"1" + b"}" * 1000 + b"}"

HUGE = 2**63

#: Bodies of POST /api/v1/posts, and the status of their answer.
BODIES: dict[str, tuple[bytes, int]] = {
    "lone surrogate": (b'{"content":{"text":"\\ud800"}}', 400),
    "raw surrogate": (b'{"content":{"text":"\xed\xa0\x80"}}', 400),
    "NUL": (b'{"content":{"text":"a\\u0000b"}}', 400),
    "NaN": (b'{"content":{"text":"a"},"platforms":NaN}', 400),
    "infinity": (b'{"content":{"text":"a"},"platforms":[1e999]}', 400),
    "huge number": (b'{"scheduledFor":' + b"9" * 10_000 + b"}", 400),
    "deep": (DEEP, 400),
    "deep list": (b"[" * 100_000, 400),
    "array": (b"[]", 400),
    "string": (b'"x"', 400),
    "null": (b"null", 400),
    "nothing": (b"", 400),
    "name twice": (b'{"platforms":["threads"],"platforms":["twitter"]}', 400),
    "not UTF-8": (b'{"content":{"text":"\xff"}}', 400),
    "byte order mark": (b"\xef\xbb\xbf{}", 400),
    "trailing": (b"{}{}", 400),
    "binary": (bytes(range(256)), 400),
    "2 MB": (b'{"content":{"text":"' + b"x" * 2_000_000 + b'"}}', 413),
    "5 MB": (b" " * 5_000_000, 413),
    "2^63": (b'{"content":{"media":[{"type":"image","url":"https://a.example","sizeBytes":9223372036854775808}]}}', 400),
    "odd names": (b'{"\\ud83d\\ude00":1,"__proto__":{},"":0}', 400),
    "wrong types": (b'{"content":[],"platforms":{},"scheduledFor":1,"platformSetId":2}', 400),
}  # fmt: skip

#: Values of scheduledFor.
TIMES = [
    "2027-06-01T09:00:00", "2027-06-01", "1780304400", 1780304400, "9999-12-31T23:59:59-01:00", "0001-01-01T00:00:00+14:00",
    "9999-12-31T23:59:59Z", "2027-06-01T09:00:00\u221201:00", "now", "", True, HUGE, "2027-13-01T00:00:00Z",
    "2027-06-01T09:00:00+99:00",
]  # fmt: skip


def is_error(answer: httpx.Response, status: int) -> bool:
    error = answer.json()["error"]
    assert answer.status_code == status, answer.text
    assert error["code"] and error["message"] and error["requestId"] == answer.headers["x-request-id"]
    assert all(detail["code"] for detail in error["details"])
    return True


@pytest.mark.parametrize("case", BODIES)
async def test_a_body_is_refused(http: httpx.AsyncClient, case: str) -> None:
    body, status = BODIES[case]
    assert is_error(await http.post("/api/v1/posts", content=body, headers=JSON), status)
    for method, path in (("PATCH", f"/api/v1/posts/{NOWHERE}"), ("POST", "/api/v1/platform-sets")):
        assert is_error(await http.request(method, path, content=body, headers=JSON), status)


@pytest.mark.parametrize("time", TIMES)
async def test_a_time_is_refused_at_every_door(site: Site, owner: Owner, time: Any) -> None:
    arguments = {"text": "a", "platforms": ["threads"], "platformSetId": owner.set_id, "scheduledFor": time}
    doors = ("rest", "legacy", "modern")
    errors = [without_id(await through(site, owner.key, door, "posts_create", arguments)) for door in doors]
    assert errors == [errors[0]] * 3
    assert (errors[0]["code"], errors[0]["details"][0]["field"]) == ("VALIDATION_FAILED", "scheduledFor")


async def test_a_body_of_unknown_length_is_bounded(http: httpx.AsyncClient) -> None:
    async def chunks() -> Any:
        for _ in range(100):
            yield b"x" * 65536

    assert is_error(await http.post("/api/v1/posts", content=chunks(), headers=JSON), 413)


@pytest.mark.parametrize("content_type", ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data", ""])
async def test_another_content_type_is_refused(http: httpx.AsyncClient, content_type: str) -> None:
    assert is_error(await http.post("/api/v1/posts", content=b"{}", headers={"Content-Type": content_type}), 400)


@EACH_DATABASE
@pytest.mark.parametrize(
    "query",
    [
        "limit=0", "limit=101", "limit=-1", "limit=1.0", "limit=1e1", "limit=%2B5", "limit=1_0", "limit=", "limit=abc",
        "limit=9223372036854775808", "limit=%EF%BC%95", "offset=-1", "offset=9223372036854775808", "limit=5&limit=6",
        "status=lost", "platform=bluesky", "x=1", "search=%00", "search=" + "x" * 600, "platformSetId=%00",
        "search=%ED%A0%80%00",
    ],
)  # fmt: skip
async def test_a_query_is_refused(http: httpx.AsyncClient, query: str) -> None:
    assert is_error(await http.get(f"/api/v1/posts?{query}"), 400)


@EACH_DATABASE
@pytest.mark.parametrize("path", ["%00", "x" * 5000, "..%2f..%2fetc", "%F0%9F%98%80", "%ED%A0%80", "' OR 1=1 --", "null"])
async def test_a_strange_id_is_no_post(http: httpx.AsyncClient, path: str) -> None:
    for method, suffix in (("GET", ""), ("DELETE", ""), ("POST", "/publish"), ("POST", "/cancel")):
        answer = await http.request(method, f"/api/v1/posts/{path}{suffix}")
        assert is_error(answer, answer.status_code)
        assert answer.status_code in (400, 404)


async def test_parameters_without_a_place_are_refused(http: httpx.AsyncClient) -> None:
    assert is_error(await http.post("/api/v1/platform-sets?x=1", json={"name": "A"}), 400)
    assert is_error(await http.patch("/api/v1/posts/a", json={"postId": "b", "content": {"text": "c"}}), 400)


async def test_faults_around_the_arguments_are_told_with_theirs(http: httpx.AsyncClient, owner: Owner) -> None:
    post = {"content": {"text": "x" * 501}, "platforms": ["threads"], "platformSetId": owner.set_id}
    for answer, fields in (
        (await http.post("/api/v1/posts?x=1", json=post), ["x", "content.text"]),
        (await http.post("/api/v1/posts?x=1&x=2", json={**post, "txet": 1}), ["x", "txet", "content.text"]),
        (await http.post("/api/v1/posts?x=1", content=b"{", headers=JSON), ["x", "body"]),
        (await http.get("/api/v1/posts?limit=5&limit=6&status=lost&x=1"), ["limit", "status", "x"]),
        (await http.patch("/api/v1/posts/a?x=1", json={"postId": "b", "txet": 1}), ["x", "postId", "txet"]),
        (await http.get("/api/v1/platform-sets?x=1"), ["x"]),
        (await http.delete("/api/v1/posts/a?x=1"), ["x"]),
    ):  # fmt: skip
        assert is_error(answer, 400)
        assert [detail["field"] for detail in answer.json()["error"]["details"]] == fields
    assert (await http.get("/api/v1/posts")).json()["posts"] == []


@pytest.mark.parametrize("path", ["/nope", "/api/v1/posts/", "/api/v1", "/mcp/", "/api/v1/posts/a/b/c", "/%00"])
async def test_there_is_nothing_at_other_paths(http: httpx.AsyncClient, path: str) -> None:
    assert is_error(await http.get(path), 404)


async def test_a_wrong_method_is_told_the_right_ones(http: httpx.AsyncClient) -> None:
    answer = await http.put("/api/v1/posts")
    assert is_error(answer, 405)
    assert set(answer.headers["allow"].split(", ")) == {"GET", "HEAD", "POST"}


@pytest.mark.parametrize(
    "authorization",
    ["", "Bearer", "Basic abc", "Bearer amp_live_", "amp_live_x", "Bearer " + "x" * 9000, "Bearer \xe9",
     "Bearer amp_live_" + "\xff" * 40],
)  # fmt: skip
async def test_a_wrong_key_is_unauthorized(http: httpx.AsyncClient, authorization: str) -> None:
    headers = {"Authorization": authorization.encode("latin-1")}
    for answer in (await http.get("/api/v1/posts", headers=headers), await http.post("/mcp", headers=headers)):
        assert is_error(answer, 401)
        assert answer.headers["www-authenticate"].startswith("Bearer")


async def test_the_scheme_may_have_any_case(http: httpx.AsyncClient, owner: Owner) -> None:
    answer = await http.get("/api/v1/posts", headers={"Authorization": f"bEARER {owner.key}"})
    assert answer.status_code == 200


#: Arguments of posts_create over MCP, as JSON text.
ARGUMENTS = {
    "lone surrogate": '{"text":"\\ud800"}', "surrogate in a name": '{"\\ud800":1}', "NUL": '{"text":"\\u0000"}',
    "NaN": '{"text":NaN}', "infinity": '{"platforms":[1e999]}', "deep": '{"platformOverrides":' + '{"a":' * 300 + "1" + "}" * 301,
    "2^63": '{"media":[{"type":"image","url":"https://example.com/a","sizeBytes":9223372036854775808}]}',
    "wrong types": '{"text":[],"platforms":"threads","media":{},"platformSetId":1,"idempotencyKey":7}',
    "odd key": '{"text":"a","platforms":["threads"],"platformSetId":"x","idempotencyKey":""}',
    "null": '{"text":null,"platforms":null}', "empty": "{}",
}  # fmt: skip


@EACH_DATABASE
@pytest.mark.parametrize("case", ARGUMENTS)
async def test_arguments_are_refused_as_a_tool_error(http: httpx.AsyncClient, case: str) -> None:
    body, headers = wire.tool_call("posts_create", "HERE")
    answer = await http.post("/mcp", content=json.dumps(body).replace('"HERE"', ARGUMENTS[case]), headers=headers)
    assert answer.status_code == 200, answer.text
    result = wire.result_of(answer)
    assert result["isError"]
    assert result["structuredContent"]["error"]["code"] in ("VALIDATION_FAILED", "NO_PLATFORMS_SELECTED")
    assert json.loads(result["content"][0]["text"]) == result["structuredContent"]


#: Values of a tool's argument that databases and parsers stumble over, as JSON text.
VALUES = [
    '"\\u0000"', '"\\ud800"', '""', '"%"', "9223372036854775808", "1e400", "-0.5", "true", "[]", "{}", '"' + "x" * 100_000 + '"',
]  # fmt: skip
ARGUMENT = [
    ("posts_get", "postId"), ("posts_delete", "postId"), ("posts_publish", "postId"), ("posts_retry", "postId"),
    ("posts_list", "limit"), ("posts_list", "offset"), ("posts_list", "status"), ("accounts_list", "platform"),
    ("accounts_get", "accountId"), ("platform_sets_delete", "platformSetId"),
]  # fmt: skip
REFUSALS = {"VALIDATION_FAILED", "POST_NOT_FOUND", "ACCOUNT_NOT_FOUND", "PLATFORM_SET_NOT_FOUND"}


@EACH_DATABASE
@pytest.mark.parametrize(("tool", "argument"), ARGUMENT)
async def test_an_arguments_value_is_refused(http: httpx.AsyncClient, tool: str, argument: str) -> None:
    for value in VALUES:
        body, headers = wire.tool_call(tool, {argument: "HERE"})
        answer = await http.post("/mcp", content=json.dumps(body).replace('"HERE"', value), headers=headers)
        result = wire.result_of(answer)
        assert result["isError"], value
        assert result["structuredContent"]["error"]["code"] in REFUSALS, value


@EACH_DATABASE
@pytest.mark.parametrize("search", ["\u0000", "x\u0000y", "\ud800", "x" * 600, 5, ["a"], HUGE])
async def test_a_search_is_refused(http: httpx.AsyncClient, search: Any) -> None:
    body, headers = wire.tool_call("posts_list", {"search": search})
    answer = await http.post("/mcp", content=json.dumps(body), headers=headers)
    assert wire.result_of(answer)["structuredContent"]["error"]["code"] == "VALIDATION_FAILED"


#: Whole bodies of POST /mcp.
MESSAGES: dict[str, bytes] = {
    "nothing": b"", "array": b"[]", "batch": b'[{"jsonrpc":"2.0","id":1,"method":"ping"}]', "text": b"hello", "null": b"null",
    "deep": b"[" * 100_000, "deep params": b'{"jsonrpc":"2.0","id":1,"method":"tools/call","params":' + DEEP + b"}",
    "surrogate method": b'{"jsonrpc":"2.0","id":1,"method":"\\ud800"}',
    "surrogate id": b'{"jsonrpc":"2.0","id":"\\ud800","method":"tools/list"}',
    "arguments are a list": b'{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"posts_get","arguments":[]}}',
    "no name": b'{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{}}',
    "unknown method": b'{"jsonrpc":"2.0","id":1,"method":"posts/explode"}',
    "not UTF-8": b'{"jsonrpc":"2.0","id":1,"method":"\xff"}', "huge id": b'{"jsonrpc":"2.0","id":' + b"9" * 5000 + b"}",
    "5 MB": b" " * 5_000_000, "binary": bytes(range(256)),
}  # fmt: skip


@pytest.mark.parametrize("era", ["legacy", "modern", "unknown"])
@pytest.mark.parametrize("case", MESSAGES)
async def test_a_message_is_refused(http: httpx.AsyncClient, case: str, era: str) -> None:
    headers = {
        "legacy": wire.ACCEPT, "modern": wire.modern_headers("tools/call", "posts_get"),
        "unknown": {**wire.ACCEPT, "MCP-Protocol-Version": "1999-01-01"},
    }[era]  # fmt: skip
    answer = await http.post("/mcp", content=MESSAGES[case], headers=headers)
    assert 400 <= answer.status_code < 500, answer.text
    assert "error" in answer.json()


@pytest.mark.parametrize("era", ["legacy", "modern"])
async def test_an_unknown_tool_is_a_tool_error_that_names_the_tools(http: httpx.AsyncClient, era: str) -> None:
    if era == "legacy":
        headers, body = await wire.begin_session(http), wire.message("tools/call", {"name": "posts_post", "arguments": {}})
    else:
        body, headers = wire.tool_call("posts_post", {})
    result = wire.result_of(await http.post("/mcp", json=body, headers=headers))
    assert result["isError"]
    assert result["structuredContent"]["error"]["code"] == "NOT_FOUND"
    assert "posts_publish" in result["structuredContent"]["error"]["hint"]
