"""The operations as MCP tools: a row's models become input and output schema."""

from __future__ import annotations

from functools import cache
from typing import Any

from mcp_types import Tool, ToolAnnotations

from ampost_mcp.operations import OPERATIONS, Operation
from ampost_mcp.transports.json_schema import flattened, schema_of, with_error_arm
from ampost_mcp.transports.meanings import explained

IDEMPOTENCY_KEY = {
    "type": "string",
    "minLength": 1,
    "maxLength": 255,
    "description": "Your own id of this request (a UUID). Sending the same request again with it, within 24 hours, answers "
    "the first result instead of acting twice.",
}


def tools() -> list[Tool]:
    return [_tool(operation) for operation in OPERATIONS]


def _tool(operation: Operation) -> Tool:
    hints = operation.hints
    return Tool(
        name=operation.name,
        title=operation.title,
        description=operation.description,
        input_schema=input_schema(operation),
        output_schema=with_error_arm(schema_of(operation.result, "serialization")),
        annotations=ToolAnnotations(
            title=operation.title,
            read_only_hint=hints.read_only,
            destructive_hint=hints.destructive,
            idempotent_hint=hints.repeatable,
            open_world_hint=hints.reaches_out,
        ),
    )


@cache
def untold(operation: Operation) -> frozenset[str]:
    """Arguments that the operation has over REST alone."""
    return frozenset(schema_of(operation.args).get("properties", {}).keys() - input_schema(operation)["properties"].keys())


def input_schema(operation: Operation) -> dict[str, Any]:
    schema = schema_of(operation.args)
    if operation.flat:
        schema = flattened(schema)
    properties = {name: sub for name, sub in schema.get("properties", {}).items() if name not in operation.rest_only}
    required = [*operation.tool_requires] or schema.get("required", [])
    said = explained({"type": "object", "properties": properties, "required": required, "additionalProperties": False})
    if operation.keyed:
        said["properties"]["idempotencyKey"] = IDEMPOTENCY_KEY
    return said
