"""What belongs to people in a browser: pages, sessions, keys, connecting accounts; and the files of posts."""

from __future__ import annotations

from starlette.routing import Route

from ampost_mcp.context import App
from ampost_mcp.transports.dashboard import api, pages, uploads


def routes(app: App) -> list[Route]:
    return [*uploads.routes(app), *api.routes(app), *pages.routes(app)]
