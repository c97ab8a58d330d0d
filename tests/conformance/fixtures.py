"""The tools, resources and prompts that the official harness asks for by name, on the product's own MCP server.

The harness describes each in its scenarios (`conformance list --server`); nothing of this is in the product.
"""

from __future__ import annotations

import json
from typing import Annotated, Any

import anyio
from mcp.server.mcpserver import Context, MCPServer
from mcp.server.mcpserver.exceptions import ToolError
from mcp_types import EmptyResult, SetLevelRequestParams, SubscribeRequestParams, Tool, UnsubscribeRequestParams
from pydantic import Field

from ampost_mcp.context import App
from ampost_mcp.operations import BY_NAME
from ampost_mcp.transports.mcp import Server
from tests.conformance import asking
from tests.conformance.answers import AUDIO, IMAGE, PNG, embedded, result, text

#: Tools that only answer.
ANSWERS: dict[str, tuple[Any, ...]] = {
    "test_simple_text": (text("This is a simple text response for testing."),),
    "test_image_content": (IMAGE,),
    "test_audio_content": (AUDIO,),
    "test_embedded_resource": (embedded("test://embedded-resource", "This is an embedded resource content."),),
    "test_multiple_content_types": (
        text("Multiple content types test:"), IMAGE,
        embedded("test://mixed-content-resource", '{"test":"data","value":123}', "application/json"),
    ),
}  # fmt: skip

#: Only listed: its keywords must arrive.
SCHEMA_TOOL = Tool(
    name="json_schema_2020_12_tool",
    description="Has every keyword that the harness looks for.",
    input_schema={
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "type": "object",
        "$defs": {"address": {"$anchor": "addressDef", "type": "object", "properties": {"city": {"type": "string"}}}},
        "properties": {"name": {"type": "string"}, "address": {"$ref": "#/$defs/address"}, "phone": {"type": "string"}},
        "allOf": [{"anyOf": [{"required": ["phone"]}, {"required": ["name"]}]}],
        "if": {"required": ["phone"]}, "then": {"required": ["name"]}, "else": {"required": ["address"]},
        "additionalProperties": False,
    },
)  # fmt: skip


class Conforming(Server):
    """The product's MCP server, and the fixtures beside its own tools."""

    def __init__(self, app: App) -> None:
        super().__init__(app)
        for add in (add_answers, add_speakers, add_resources, add_prompts, add_handshake_methods, asking.add_to):
            add(self)

    async def list_tools(self) -> list[Tool]:
        return [*await super().list_tools(), *await MCPServer.list_tools(self), SCHEMA_TOOL]

    async def call_tool(self, name: str, arguments: dict[str, Any], context: Context[Any, Any] | None = None) -> Any:
        if name in BY_NAME or not name.startswith("test_"):
            return await super().call_tool(name, arguments, context)
        return await MCPServer.call_tool(self, name, arguments, context)


def add_answers(server: MCPServer[Any]) -> None:
    def answering(content: tuple[Any, ...]) -> Any:
        def answer() -> Any:
            return result(*content)

        return answer

    for name, content in ANSWERS.items():
        server.add_tool(answering(content), name, description="Answers with fixed content.", structured_output=False)


def add_speakers(server: MCPServer[Any]) -> None:
    """Tools that fail, say something on the way, or read a header."""

    async def error() -> Any:
        raise ToolError("This tool intentionally returns an error for testing")

    async def log(ctx: Context[Any, Any]) -> Any:
        for said in ("Tool execution started", "Tool processing data", "Tool execution completed"):
            await ctx.info(said)
            await anyio.sleep(0.05)
        return result(text("Logged."))

    async def progress(ctx: Context[Any, Any]) -> Any:
        for done in (0, 50, 100):
            await ctx.report_progress(done, 100, f"{done} of 100")
            await anyio.sleep(0.05)
        return result(text("Reported."))

    async def reconnection(ctx: Context[Any, Any]) -> Any:
        await ctx.close_sse_stream()
        await anyio.sleep(0.2)
        return result(text("Reconnected."))

    async def header(region: Annotated[str, Field(json_schema_extra={"x-mcp-header": "Region"})]) -> Any:
        return result(text(region))

    async def tool_change(ctx: Context[Any, Any]) -> Any:
        await ctx.notify_tools_changed()
        return result(text("Said that the tools changed."))

    async def prompt_change(ctx: Context[Any, Any]) -> Any:
        await ctx.notify_prompts_changed()
        return result(text("Said that the prompts changed."))

    for name, tool in {
        "test_error_handling": error, "test_tool_with_logging": log, "test_logging_tool": log,
        "test_tool_with_progress": progress, "test_reconnection": reconnection, "test_x_mcp_header": header,
        "test_trigger_tool_change": tool_change, "test_trigger_prompt_change": prompt_change,
    }.items():  # fmt: skip
        server.add_tool(tool, name, description="Says something.", structured_output=False)


def add_resources(server: MCPServer[Any]) -> None:
    @server.resource("test://static-text")
    def static_text() -> str:
        return "This is the content of the static text resource."

    @server.resource("test://static-binary", mime_type="image/png")
    def static_binary() -> bytes:
        return PNG

    @server.resource("test://watched-resource")
    def watched() -> str:
        return "Watched."

    @server.resource("test://template/{id}/data", mime_type="application/json")
    def template(id: str) -> str:
        return json.dumps({"id": id, "templateTest": True, "data": f"Data for ID: {id}"})


def add_prompts(server: MCPServer[Any]) -> None:
    @server.prompt("test_simple_prompt", description="No arguments.")
    def simple() -> str:
        return "This is a simple prompt for testing."

    @server.prompt("test_prompt_with_arguments", description="Two arguments.")
    def with_arguments(arg1: str, arg2: str) -> str:
        return f"Prompt with arguments: arg1='{arg1}', arg2='{arg2}'"

    @server.prompt("test_prompt_with_embedded_resource", description="A resource inside.")
    def with_resource(resourceUri: str) -> Any:
        return [embedded(resourceUri, "Embedded resource content for testing."), text("Please process it.")]

    @server.prompt("test_prompt_with_image", description="An image inside.")
    def with_image() -> Any:
        return [IMAGE, text("Please look at it.")]


def add_handshake_methods(server: MCPServer[Any]) -> None:
    """Methods of the 2025 protocol that the SDK offers no public way to add; the product has none of them."""

    async def accept(ctx: Any, params: Any) -> EmptyResult:
        return EmptyResult()

    for method, params in {
        "logging/setLevel": SetLevelRequestParams, "resources/subscribe": SubscribeRequestParams,
        "resources/unsubscribe": UnsubscribeRequestParams,
    }.items():  # fmt: skip
        server._lowlevel_server.add_request_handler(method, params, accept)
