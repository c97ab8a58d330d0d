"""What we are compared with: a bare SDK server with one echo tool, and a bare Starlette application, on one port each."""

from __future__ import annotations

import sys
from typing import Any

import uvicorn
from mcp.server.mcpserver import MCPServer
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route


def sdk() -> Any:
    server = MCPServer("bare")

    @server.tool()
    def echo(text: str) -> dict[str, str]:
        """Answers what it was given."""
        return {"text": text}

    return server.streamable_http_app()


def starlette() -> Any:
    async def echo(request: Request) -> JSONResponse:
        return JSONResponse(await request.json() if request.method == "POST" else {"text": "hello"})

    return Starlette(routes=[Route("/echo", echo, methods=["GET", "POST"])])


if __name__ == "__main__":
    app = {"sdk": sdk, "starlette": starlette}[sys.argv[1]]()
    uvicorn.run(app, port=int(sys.argv[2]), log_level="error", access_log=False)
