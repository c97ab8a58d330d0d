"""The tools as clients see them. `tools.json` is the public API: a change there is a change of the product."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import httpx
import jsonschema
import pytest
from mcp_types import ResourceTemplateReference

from ampost_mcp.operations import OPERATIONS
from tests.edge import wire
from tests.edge.conftest import NOWHERE, REST, Ask, Owner, Site, through
from tests.mcp_clients import mcp_client

SNAPSHOT = Path(__file__).with_name("tools.json")
READ = {"posts_get", "posts_list", "accounts_list", "accounts_get", "platform_sets_list"}
DESTRUCTIVE = {"posts_publish", "posts_retry", "posts_delete", "platform_sets_delete"}


@pytest.fixture
async def listed(http: httpx.AsyncClient) -> list[dict[str, Any]]:
    answer = await http.post("/mcp", json=wire.modern("tools/list"), headers=wire.modern_headers("tools/list"))
    tools: list[dict[str, Any]] = wire.result_of(answer)["tools"]
    return tools


async def test_the_tools_are_as_reviewed(listed: list[dict[str, Any]]) -> None:
    """`AMPOST_UPDATE_SNAPSHOTS=1` writes the file anew."""
    said = json.dumps(listed, indent=1, ensure_ascii=False) + "\n"
    if os.environ.get("AMPOST_UPDATE_SNAPSHOTS"):
        SNAPSHOT.write_text(said)
    assert said == SNAPSHOT.read_text()


def test_the_tests_know_every_operation() -> None:
    assert list(REST) == [operation.name for operation in OPERATIONS]
    assert len(OPERATIONS) == 13


async def test_hints_say_what_a_tool_does(listed: list[dict[str, Any]]) -> None:
    hints = {tool["name"]: tool["annotations"] for tool in listed}
    assert {name for name, hint in hints.items() if hint["readOnlyHint"]} == READ
    assert {name for name, hint in hints.items() if hint["destructiveHint"]} == DESTRUCTIVE
    assert {name for name, hint in hints.items() if hint["openWorldHint"]} == {"posts_publish", "posts_retry"}


async def test_schemas_are_strict_explained_and_without_noise(listed: list[dict[str, Any]]) -> None:
    for tool in listed:
        assert tool["title"] and tool["description"]
        for schema in (tool["inputSchema"], tool["outputSchema"]):
            jsonschema.Draft202012Validator.check_schema(schema)
            text = json.dumps(schema)
            assert "$ref" not in text and '"title": "' not in text
        assert tool["inputSchema"]["additionalProperties"] is False
        for name, argument in tool["inputSchema"]["properties"].items():
            assert argument["description"], f"{tool['name']}.{name}"


async def test_arguments_are_the_specifications(listed: list[dict[str, Any]]) -> None:
    arguments = {tool["name"]: tool["inputSchema"] for tool in listed}
    create = arguments["posts_create"]
    assert set(create["required"]) == {"text", "platforms", "platformSetId"}
    assert set(create["properties"]) == {
        "text", "platforms", "platformSetId", "scheduledFor", "media", "mediaUrls", "linkUrl", "platformOverrides",
        "idempotencyKey",
    }  # fmt: skip
    assert set(arguments["platform_sets_rename"]["properties"]) == {"platformSetId", "name"}
    media = create["properties"]["media"]["anyOf"][0]["items"]["properties"]
    assert {"filename", "fileName"} <= set(media)


async def test_the_output_schema_allows_success_and_error(listed: list[dict[str, Any]], ask: Ask, owner: Owner) -> None:
    schemas = {tool["name"]: tool["outputSchema"] for tool in listed}
    made = await ask("posts_create", text="Hello", platforms=["threads"], platformSetId=owner.set_id)
    post_id = made["post"]["id"]
    for tool, arguments in {
        "posts_get": {"postId": post_id}, "posts_list": {}, "accounts_list": {}, "platform_sets_list": {},
        "platform_sets_create": {"name": "A"}, "posts_publish": {"postId": post_id}, "posts_retry": {"postId": post_id},
        "accounts_get": {}, "platform_sets_delete": {}, "posts_update": {"postId": post_id}, "posts_delete": {},
    }.items():  # fmt: skip
        body = await ask(tool, **arguments) if set(arguments) or tool.endswith("_list") else None
        if body is not None:
            jsonschema.validate(body, schemas[tool])


@pytest.mark.parametrize("mode", ["legacy", "modern"])
async def test_a_tool_takes_what_its_schema_has_and_nothing_else(site: Site, owner: Owner, mode: str) -> None:
    of_post = "text, media, mediaUrls, linkUrl, platformOverrides, platforms, scheduledFor, platformSetId"
    draft = {"platforms": ["threads"], "platformSetId": owner.set_id}
    for tool, arguments, unknown, known, others in (
        ("posts_create", {"content": {"text": "Hello"}, **draft}, "content", of_post, []),
        ("posts_create", {"content": 1, **draft, "text": "Hello", "scheduledFor": "soon"}, "content", of_post, ["scheduledFor"]),
        ("posts_update", {"postId": NOWHERE, "content": {"text": "Hello"}}, "content", of_post.split(", platforms")[0], []),
        ("platform_sets_rename", {"platformSetId": owner.set_id, "name": "A", "isDefault": True}, "isDefault", "name", []),
    ):  # fmt: skip
        error = (await through(site, owner.key, mode, tool, arguments))["error"]
        assert error["code"] == "VALIDATION_FAILED"
        assert [detail["field"] for detail in error["details"]] == [unknown, *others]
        assert f"Remove {unknown}; known fields are " in error["hint"] and known in error["hint"]
    assert (await through(site, owner.key, mode, "posts_list", {}))["posts"] == []


@pytest.mark.parametrize("mode", ["legacy", "modern"])
async def test_text_is_a_compact_copy_of_the_structure(site: Site, owner: Owner, mode: str) -> None:
    async with mcp_client(site.url, owner.key, mode) as client:
        for tool, arguments in (("platform_sets_list", {}), ("posts_get", {"postId": "none"})):
            result = await client.call_tool(tool, arguments)
            assert len(result.content) == 1
            text = result.content[0].text  # type: ignore[union-attr]
            assert text == json.dumps(result.structured_content, ensure_ascii=False, separators=(",", ":"))


@pytest.mark.parametrize("mode", ["legacy", "modern"])
async def test_agents_find_guidance(site: Site, owner: Owner, mode: str) -> None:
    async with mcp_client(site.url, owner.key, mode) as client:
        assert "posts_publish" in (client.instructions or "")
        resources = (await client.list_resources()).resources
        assert "ampost://docs/llm.txt" in [str(resource.uri) for resource in resources]
        limits = (await client.read_resource("ampost://platforms/threads")).contents[0]
        assert json.loads(limits.text)["texts"][0]["limit"] == 500  # type: ignore[union-attr]
        for prompt in (await client.list_prompts()).prompts:
            assert prompt.description
        template = ResourceTemplateReference(uri="ampost://platforms/{platform}")
        offered = await client.complete(template, {"name": "platform", "value": "th"})
        assert offered.completion.values == ["threads"]
        written = await client.get_prompt("write_post", {"topic": "our launch"})
        assert "our launch" in written.messages[0].content.text  # type: ignore[union-attr]


async def test_claude_desktops_lists_in_strings_are_refused_with_a_reason(ask: Ask, owner: Owner) -> None:
    refused = await ask("posts_create", text="Hello", platforms='["threads"]', platformSetId=owner.set_id)
    assert "platforms" in [detail["field"] for detail in refused["error"]["details"]]
