"""REST: a row of the table and one of its routes become an endpoint. No rule, query or error text lives here."""

from __future__ import annotations

from collections import defaultdict
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route as Path

from ampost_mcp import auth
from ampost_mcp.context import App
from ampost_mcp.operations import OPERATIONS, Operation, Route, admit, invoke, refusal
from ampost_mcp.transports.json_schema import schema_of
from ampost_mcp.transports.reading import no_place, read_arguments

Endpoint = tuple[Operation, Route, frozenset[str]]


def routes(app: App) -> list[Path]:
    """One Starlette route a path, so that a wrong method is answered with every right one."""
    paths: defaultdict[str, dict[str, Endpoint]] = defaultdict(dict)
    for operation in OPERATIONS:
        for route in operation.routes:
            paths[route.path][route.method] = (operation, route, _integers(operation))
    return [Path(path, _endpoint(app, by_method), methods=list(by_method)) for path, by_method in paths.items()]


def _integers(operation: Operation) -> frozenset[str]:
    """Names of the arguments that are written as digits in a query."""
    properties = schema_of(operation.args).get("properties", {})
    return frozenset(
        name for name, schema in properties.items()
        if "integer" in (schema.get("type"), *(arm.get("type") for arm in schema.get("anyOf", ())))
    )  # fmt: skip


def _endpoint(app: App, by_method: dict[str, Endpoint]) -> Any:
    async def endpoint(request: Request) -> Response:
        method = "GET" if request.method == "HEAD" else request.method
        operation, route, integers = by_method[method]
        request.state.operation = operation.name
        caller = await (auth.by_key_or_session(app, request) if route.alias else auth.by_key(app, request.headers))
        quota = await admit(app, operation, caller, "rest")
        if quota is not None:
            request.state.headers.update(quota.headers())
        given, faults = await read_arguments(request, integers)
        faults += [no_place(name, "field") for name in sorted(given.keys() & request.path_params.keys())]
        raw = {**given, **request.path_params}
        if faults:
            raise await refusal(app, operation, caller, raw, faults)
        key = request.headers.get("idempotency-key") if route.method == "POST" else None
        return JSONResponse(await invoke(app, operation, caller, raw, key=key), route.status)

    return endpoint
