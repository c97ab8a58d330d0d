"""JSON Schemas of the wire models, as clients and agents like to read them: no references, no title noise."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel

Mode = Literal["validation", "serialization"]


def schema_of(model: type[BaseModel], mode: Mode = "validation") -> dict[str, Any]:
    """The model's schema with its definitions put in place."""
    schema = model.model_json_schema(by_alias=True, mode=mode)
    plain: dict[str, Any] = _plain(schema, schema.get("$defs", {}))
    plain.pop("$defs", None)
    return plain


def _plain(node: Any, definitions: dict[str, Any] | None) -> Any:
    if isinstance(node, list):
        return [_plain(item, definitions) for item in node]
    if not isinstance(node, dict):
        return node
    if "$ref" in node and definitions is not None:
        beside = {key: value for key, value in node.items() if key != "$ref"}
        return _plain({**definitions[node["$ref"].rpartition("/")[2]], **beside}, definitions)
    return {
        key: _properties(value, definitions) if key == "properties" else _plain(value, definitions)
        for key, value in node.items()
        if key not in ("title", "$defs") and not (key == "default" and value is None)
    }


def _properties(properties: dict[str, Any], definitions: dict[str, Any] | None) -> dict[str, Any]:
    """A property may itself be called `title`."""
    return {name: _plain(schema, definitions) for name, schema in properties.items()}


def without_noise(schema: dict[str, Any]) -> dict[str, Any]:
    """A schema whose references stay."""
    kept: dict[str, Any] = _plain(schema, None)
    return kept


def flattened(schema: dict[str, Any]) -> dict[str, Any]:
    """A post's schema with the members of `content` beside the others, as the tools take them."""
    properties = dict(schema["properties"])
    content = properties.pop("content")
    content = next((arm for arm in content.get("anyOf", ()) if "properties" in arm), content)
    others = [name for name in schema.get("required", ()) if name != "content"]
    required = list(dict.fromkeys([*content.get("required", ()), *others]))
    return {**schema, "properties": {**content["properties"], **properties}, "required": required}


#: The error object of every door.
ERROR: dict[str, Any] = {
    "type": "object",
    "properties": {
        "code": {"type": "string", "description": "For programs, such as CONTENT_TOO_LONG."},
        "message": {"type": "string", "description": "What is wrong."},
        "hint": {"type": ["string", "null"], "description": "What to do next."},
        "details": {"type": "array", "items": {"type": "object"}, "description": "One entry a fault."},
        "retryable": {"type": "boolean", "description": "Whether the same request may succeed later."},
        "requestId": {"type": ["string", "null"]},
    },
    "required": ["code", "message", "hint", "details", "retryable", "requestId"],
}


def with_error_arm(schema: dict[str, Any]) -> dict[str, Any]:
    """A result's schema that also allows the error object: some clients check it even when a call failed."""
    return {
        "type": "object",
        "properties": {**schema["properties"], "error": ERROR},
        "oneOf": [{"required": sorted(schema["properties"])}, {"required": ["error"]}],
    }
