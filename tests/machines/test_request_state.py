"""A question of the newer protocol that one server asks and another one hears the answer to."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from mcp import Client, MCPError
from mcp.server.mcpserver import Context
from mcp_types import CallToolResult, ElicitRequest, ElicitRequestFormParams, ElicitResult, InputRequiredResult, TextContent

from ampost_mcp.app import build
from ampost_mcp.settings import Settings
from ampost_mcp.transports.mcp import Server
from storage import keys, users
from storage.database import Database
from tests import databases
from tests.machines.proxy import Proxy
from tests.mcp_clients import mcp_client
from tests.serving import serving

FORM = {"type": "object", "properties": {"ok": {"type": "boolean"}}}
QUESTION = ElicitRequest(params=ElicitRequestFormParams(message="Sure?", requested_schema=FORM))
NOW = datetime(2026, 12, 1, tzinfo=UTC)
OURS, THEIRS = "a secret that both servers were given", "a secret that only one server was given"


class Asking(Server):
    """The product's MCP server, whose tools all ask a question first."""

    async def call_tool(self, name: str, arguments: dict[str, Any], context: Context[Any, Any] | None = None) -> Any:
        assert context is not None
        if not context.input_responses:
            return InputRequiredResult(input_requests={"sure": QUESTION}, request_state="asked")
        said = TextContent(type="text", text=f"{context.request_state} and answered")
        return CallToolResult(content=[said], is_error=True)  # an error needs not fit the tool's schema


@asynccontextmanager
async def behind_a_proxy(db: Database, folder: Path, *secrets: str) -> AsyncIterator[tuple[Client, Proxy]]:
    """A client of servers with these secrets, connected through the proxy."""
    key = db.write_here(lambda s: keys.insert(s, users.insert(s, "asked@example.com", "max", NOW)["id"], "key", NOW)[1])
    proxy = Proxy()
    with serving(proxy.app) as url:
        async with AsyncExitStack() as open_things:
            for secret in secrets:
                settings = Settings(
                    _env_file=None, data_dir=folder, database_url=db.url.render_as_string(hide_password=False),
                    secret_keys=secret, public_url=url, with_worker=False,
                )  # fmt: skip
                proxy.servers.append(open_things.enter_context(serving(build(settings, mcp=Asking))))
            yield await open_things.enter_async_context(mcp_client(url, key, elicitation_callback=_yes)), proxy


async def _yes(context: Any, params: Any) -> ElicitResult:
    return ElicitResult(action="accept", content={"ok": True})


async def test_servers_with_the_same_keys_take_each_others_questions(postgres: str, tmp_path: Path) -> None:
    with databases.postgres_database(postgres) as db:
        async with behind_a_proxy(db, tmp_path, OURS, OURS) as (client, proxy):
            before = proxy.served.copy()
            answer = await client.call_tool("posts_list", {})
            assert answer.content[0].text == "asked and answered"  # type: ignore[union-attr]
            assert sorted((proxy.served - before).values()) == [1, 1], "one server asked, the other one heard the answer"


async def test_servers_with_keys_of_their_own_do_not(postgres: str, tmp_path: Path) -> None:
    with databases.postgres_database(postgres) as db:
        async with behind_a_proxy(db, tmp_path, OURS, THEIRS) as (client, _):
            with pytest.raises(MCPError, match="requestState"):
                await client.call_tool("posts_list", {})
