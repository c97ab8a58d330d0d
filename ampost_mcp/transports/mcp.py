"""The MCP server: our operations as tools on the SDK's server, which brings both eras of the protocol.

`MCPServer` is subclassed for its two public methods `list_tools` and `call_tool`: raw arguments in, our result out. Its
decorators would mask our errors and publish schemas of their own.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Awaitable
from typing import Any, TypeVar

import structlog
from mcp.server.caching import CacheHint
from mcp.server.mcpserver import Context, MCPServer, RequestStateSecurity
from mcp_types import CallToolResult, TextContent, Tool

from ampost_mcp import schemas
from ampost_mcp.context import App, Caller
from ampost_mcp.errors import AppError, envelope
from ampost_mcp.operations import BY_NAME, Operation, admit, invoke, refusal
from ampost_mcp.parsing import Fault
from ampost_mcp.transports import guides
from ampost_mcp.transports.reading import bad_body, is_clean
from ampost_mcp.transports.tools import input_schema, tools, untold

log = structlog.get_logger("ampost.mcp")
T = TypeVar("T")

INSTRUCTIONS = """\
Publishes to Facebook, Instagram, LinkedIn (member profiles), Threads, TikTok, X (twitter) and YouTube.
1. accounts_list shows the connected accounts. Use only the platform keys that it shows.
2. platform_sets_list gives the platformSetId that every post needs; accounts are resolved from the set.
3. posts_create makes a draft, or a scheduled post when scheduledFor is given. It does not publish.
4. posts_publish publishes for good; call it only when the user explicitly wants to publish now.
5. posts_get shows the outcome for each platform. posts_retry tries the failed ones again.
TikTok, YouTube and LinkedIn videos need explicit media objects. LinkedIn, X, Threads and TikTok posts are not scheduled.
An error says in hint what to do next, and lists every fault in details."""


class Server(MCPServer[Any]):
    """`owner` is who calls when there is no HTTP request to say it (stdio)."""

    def __init__(self, app: App, owner: Caller | None = None) -> None:
        self._app = app
        self._owner = owner
        self._tools = tools()
        hint = CacheHint(300_000, "public")
        super().__init__(
            "ampost",
            title="Ampost",
            version=guides.VERSION,
            instructions=INSTRUCTIONS,
            request_state_security=RequestStateSecurity(keys=[app.keyring.derive("mcp-request-state")]),
            cache_hints={"tools/list": hint, "prompts/list": hint, "resources/list": hint},
        )
        guides.add_to(self, app)

    async def list_tools(self) -> list[Tool]:
        return self._tools

    async def call_tool(self, name: str, arguments: dict[str, Any], context: Context[Any, Any] | None = None) -> CallToolResult:
        request = context.request_context.request if context is not None else None
        state = request.scope["state"] if request is not None else {}
        caller = state.get("caller") or self._owner
        began, error, operation = time.perf_counter(), None, BY_NAME.get(name)
        try:
            if operation is None or caller is None:
                raise _no_such_tool(name)
            await admit(self._app, operation, caller, "mcp")
            body = await _whole(self._app, operation, _run(self._app, operation, caller, arguments))
        except AppError as refused:
            error = refused
        except Exception:
            log.exception("tool.failed", tool=name)
            error = AppError("INTERNAL_ERROR", "Something went wrong here; it has been logged.",
                             "Call it again; if it stays, report the requestId.")  # fmt: skip
        if error is not None:
            body = envelope(error, state.get("request_id"))
        say = log.info if error is not None or not (operation and operation.hints.read_only) else log.debug
        say("tool.call", tool=operation.name if operation else "?", code=error.code if error else None,
            ms=round((time.perf_counter() - began) * 1000, 1))  # fmt: skip
        text = json.dumps(body, ensure_ascii=False, separators=(",", ":"))
        return CallToolResult(content=[TextContent(type="text", text=text)], structured_content=body, is_error=error is not None)


async def _run(app: App, operation: Operation, caller: Caller, arguments: dict[str, Any]) -> dict[str, Any]:
    if not is_clean(arguments):
        raise bad_body("The arguments are not valid JSON: NaN, half a surrogate, or nested too deeply.",
                       "Send valid Unicode text and finite numbers.")  # fmt: skip
    raw = dict(arguments)
    key = raw.pop("idempotencyKey", None) if operation.keyed else None
    around = [_unknown(operation, name) for name in sorted(untold(operation) & raw.keys())]
    raw = {name: value for name, value in raw.items() if name not in untold(operation)}
    if operation.flat:
        raw = schemas.nest_content(raw)
    if around:
        raise await refusal(app, operation, caller, raw, around)
    return await invoke(app, operation, caller, raw, key=key)


async def _whole(app: App, operation: Operation, work: Awaitable[T]) -> T:
    """Lets an operation that changes something go on when its client has gone: the modern protocol cancels the handler."""
    if operation.hints.read_only:
        return await work
    running: set[asyncio.Future[Any]] = app.extras.setdefault("running", set())
    task = asyncio.ensure_future(work)
    running.add(task)
    task.add_done_callback(running.discard)
    task.add_done_callback(_retrieved)
    return await asyncio.shield(task)


def _retrieved(task: asyncio.Future[Any]) -> None:
    if not task.cancelled():
        task.exception()


def _unknown(operation: Operation, name: str) -> Fault:
    """A field that a REST client may know, and a tool's schema does not have."""
    known = ", ".join(input_schema(operation)["properties"])
    return {
        "code": "VALIDATION_FAILED", "field": name, "message": f"{name} is not a known field.",
        "hint": f"Remove {name}; known fields are {known}.",
    }  # fmt: skip


def _no_such_tool(name: str) -> AppError:
    return AppError(
        "NOT_FOUND",
        f"There is no tool named {name[:64]!a}.",
        f"The tools are {', '.join(BY_NAME)}.",
        [{"code": "NOT_FOUND", "field": "name"}],
    )
