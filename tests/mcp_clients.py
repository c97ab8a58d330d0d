"""The official MCP client, connected over HTTP to a server that a test runs."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx2
from mcp import Client
from mcp.client.streamable_http import streamable_http_client

#: Era of the protocol -> the client's own word for it.
MODES: dict[str, Any] = {"legacy": "legacy", "modern": "auto"}


@asynccontextmanager
async def mcp_client(url: str, key: str, era: str = "modern", **options: Any) -> AsyncIterator[Client]:
    """Connected with an API key, in one era; `options` are the client's own."""
    async with httpx2.AsyncClient(headers={"Authorization": f"Bearer {key}"}, trust_env=False, timeout=30) as http:
        transport = streamable_http_client(f"{url}/mcp", http_client=http)
        async with Client(transport, mode=MODES[era], cache=None, **options) as client:
            yield client
