"""The API reference as one page without scripts, rendered from the OpenAPI document."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from typing import Any

from jinja2 import Environment, PackageLoader

from ampost_mcp.errors import STATUS
from ampost_mcp.tiers import limits_text
from ampost_mcp.transports.openapi import document_at


@cache
def page(address: str) -> str:
    """HTML of the reference for a server at `address`."""
    pages = Environment(loader=PackageLoader("ampost_mcp.transports"), autoescape=True, trim_blocks=True)
    return pages.get_template("docs.html").render(
        doc=document_at(address), limits=limits_text(), statuses=STATUS, type_of=type_of, fields=fields
    )


def fields(schema: dict[str, Any], prefix: str = "") -> Iterator[dict[str, Any]]:
    """The members of an object, nested ones with their path."""
    for name, sub in schema.get("properties", {}).items():
        yield {
            "name": prefix + name,
            "type": type_of(sub),
            "description": sub.get("description", ""),
            "required": name in schema.get("required", ()),
        }
        for arm in (sub, *sub.get("anyOf", ())):
            mark = "[]" if "items" in arm else ""
            yield from fields(arm.get("items", arm), f"{prefix}{name}{mark}.")


def type_of(schema: dict[str, Any]) -> str:
    """A schema's type in a few words."""
    if "$ref" in schema:
        return str(schema["$ref"]).rpartition("/")[2]
    if arms := schema.get("anyOf") or schema.get("oneOf"):
        return " or ".join(dict.fromkeys(type_of(arm) for arm in arms))
    if "enum" in schema:
        return " | ".join(map(str, schema["enum"]))
    if "const" in schema:
        return str(schema["const"])
    kind = schema.get("type", "any")
    if kind == "array":
        return f"list of {type_of(schema.get('items', {}))}"
    return " or ".join(kind) if isinstance(kind, list) else str(schema.get("format", kind))
