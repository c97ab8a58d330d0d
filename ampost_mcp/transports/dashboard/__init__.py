"""Browser routes."""

from __future__ import annotations

from starlette.routing import BaseRoute

from ampost_mcp.context import App


def routes(app: App) -> list[BaseRoute]:
    return []
