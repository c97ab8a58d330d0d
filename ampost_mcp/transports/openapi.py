"""The OpenAPI 3.1 document, made from the table of operations and `openapi_more`."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from functools import cache
from typing import Any

from pydantic.json_schema import models_json_schema

from ampost_mcp.errors import STATUS
from ampost_mcp.operations import OPERATIONS, Operation, Route
from ampost_mcp.settings import Settings
from ampost_mcp.tiers import limits_text
from ampost_mcp.transports import openapi_more
from ampost_mcp.transports.guides import VERSION
from ampost_mcp.transports.json_schema import ERROR, schema_of, without_noise
from ampost_mcp.transports.meanings import explained
from ampost_mcp.transports.tools import IDEMPOTENCY_KEY

#: Statuses that an operation can answer with, beside its success: always, with a body, and where a platform is reached.
ALWAYS, WITH_BODY, REACHING_OUT = (400, 401, 403, 429, 500), (413,), (409, 502)
RATE_HEADERS = {
    "X-RateLimit-Limit": "Requests in a window.",
    "X-RateLimit-Remaining": "Requests left in this window.",
    "X-RateLimit-Reset": "Unix time in seconds when the window ends.",
}


KEYED: dict[str, Any] = {
    "name": "Idempotency-Key", "in": "header", "required": False, "description": IDEMPOTENCY_KEY["description"],
    "schema": {"type": "string", "minLength": 1, "maxLength": 255},
}  # fmt: skip


def document(settings: Settings) -> dict[str, Any]:
    """The document for a server with these settings."""
    return document_at(settings.address)


@cache
def document_at(address: str) -> dict[str, Any]:
    paths: dict[str, dict[str, Any]] = {}
    for operation in OPERATIONS:
        for number, route in enumerate(operation.routes):
            paths.setdefault(route.path, {})[route.method.lower()] = _operation(operation, route, number)
    for row in openapi_more.MORE:
        paths.setdefault(row.path, {})[row.method.lower()] = _more(row)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Ampost", "version": VERSION, "summary": "Social media publishing for agents and programs.",
            "description": _introduction(), "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "servers": [{"url": address}],
        "security": [{"apiKey": []}],
        "tags": [{"name": tag} for tag in dict.fromkeys(_tags(paths))],
        "paths": paths,
        "components": {
            "securitySchemes": {
                "apiKey": {"type": "http", "scheme": "bearer", "description": "An API key, amp_live_..."},
                "session": {"type": "apiKey", "in": "cookie", "name": "ampost_session"},
            },
            "schemas": {
                "Error": {"type": "object", "properties": {"error": ERROR}, "required": ["error"]},
                **_results(),
            },
            "headers": {
                name: {"description": text, "schema": {"type": "integer"}} for name, text in RATE_HEADERS.items()
            },
        },
    }  # fmt: skip


def _results() -> dict[str, Any]:
    models = {operation.result for operation in OPERATIONS} | openapi_more.results()
    ordered = sorted(models, key=lambda model: model.__name__)
    _, said = models_json_schema([(model, "serialization") for model in ordered], ref_template="#/components/schemas/{model}")
    return {name: without_noise(schema) for name, schema in said["$defs"].items()}


def _introduction() -> str:
    rows = [f"| {limit} | {a['free']} | {a['pro']} | {a['max']} | {window} |" for limit, a, window in limits_text()]
    return "\n".join(
        ["The same operations are MCP tools at `/mcp`. Every failure is an `Error`; its `hint` says what to do next.", "",
         "| Limit | free | pro | max | Window |", "|---|---:|---:|---:|---|", *rows]
    )  # fmt: skip


def _operation(operation: Operation, route: Route, number: int) -> dict[str, Any]:
    schema = explained(schema_of(operation.args))
    in_path = re.findall(r"{(\w+)}", route.path)
    rest = {name: sub for name, sub in schema.get("properties", {}).items() if name not in in_path}
    required = [name for name in schema.get("required", ()) if name in rest]
    parameters = [{"name": name, "in": "path", "required": True, "schema": schema["properties"][name]} for name in in_path]
    said: dict[str, Any] = {
        "operationId": operation.name + (f"_{number}" if number else ""),
        "summary": operation.title,
        "description": f"{operation.description}\n\nLimit: `{operation.limit_at('rest')}`.",
        "tags": [operation.name.rpartition("_")[0]],
        "parameters": parameters,
        "responses": _responses(operation, route),
    }
    if route.alias:
        said |= {"deprecated": True, "security": [{"apiKey": []}, {"session": []}]}
    if route.method == "GET":
        parameters += [{"name": name, "in": "query", "required": name in required, "schema": sub} for name, sub in rest.items()]
    elif rest and route.method != "DELETE":
        body = {"type": "object", "properties": rest, "required": required, "additionalProperties": False}
        said["requestBody"] = {"required": bool(required), "content": {"application/json": {"schema": body}}}
    if route.method == "POST":
        parameters.append(KEYED)
    return said


def _tags(paths: dict[str, dict[str, Any]]) -> Iterator[str]:
    for methods in paths.values():
        for operation in methods.values():
            yield from operation["tags"]


def _more(row: openapi_more.More) -> dict[str, Any]:
    in_path = re.findall(r"{(\w+)}", row.path)
    said: dict[str, Any] = {
        "operationId": "_".join([row.method.lower(), *re.findall(r"\w+", row.path)]),
        "summary": row.summary,
        "description": row.description or f"{row.summary}.",
        "tags": [row.tag],
        "security": row.security,
        "parameters": openapi_more.parameters(row, in_path),
        "responses": {str(row.status): openapi_more.success(row), **_errors(row.errors)},
    }
    if body := openapi_more.body(row):
        said["requestBody"] = body
    if 422 in row.errors:
        said["parameters"].append(KEYED)
    return said


def _responses(operation: Operation, route: Route) -> dict[str, Any]:
    headers = {name: {"$ref": f"#/components/headers/{name}"} for name in RATE_HEADERS}
    success = {"$ref": f"#/components/schemas/{operation.result.__name__}"}
    answers: dict[str, Any] = {
        str(route.status): {
            "description": "Done.", "headers": headers, "content": {"application/json": {"schema": success}},
        }
    }  # fmt: skip
    statuses = {*ALWAYS}
    statuses |= {*WITH_BODY} if route.method in ("POST", "PATCH") else set()
    statuses |= {*REACHING_OUT} if operation.hints.reaches_out else set()
    statuses |= {404} if "{" in route.path else set()
    statuses |= {409} if "posts/{" in route.path and route.method != "GET" else set()
    statuses |= {409, 422} if route.method == "POST" else set()
    return answers | _errors(statuses)


def _errors(statuses: Iterable[int]) -> dict[str, Any]:
    return {
        str(status): {
            "description": f"One of {', '.join(code for code, at in STATUS.items() if at == status)}.",
            "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Error"}}},
        }
        for status in sorted(statuses)
    }
