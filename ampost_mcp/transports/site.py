"""What the server serves to anyone: the reference, its own health, its metrics."""

from __future__ import annotations

import asyncio
from typing import Any

import structlog
from sqlalchemy import text
from sqlmodel import Session
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from ampost_mcp.context import App
from ampost_mcp.services import metrics
from ampost_mcp.transports import docs, openapi
from ampost_mcp.transports.guides import VERSION, reference
from storage import migrate

log = structlog.get_logger("ampost.health")

#: The reference page needs no script and nothing from elsewhere.
DOCS_POLICY = "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'; base-uri 'none'"
#: Seconds for all checks of readiness together.
PATIENCE = 5.0


def routes(app: App) -> list[Route]:
    address = app.settings.address

    async def llm_txt(request: Request) -> Response:
        return PlainTextResponse(reference())

    async def openapi_json(request: Request) -> Response:
        return JSONResponse(openapi.document_at(address))

    async def docs_page(request: Request) -> Response:
        return HTMLResponse(docs.page(address), headers={"Content-Security-Policy": DOCS_POLICY})

    async def healthz(request: Request) -> Response:
        return JSONResponse({"status": "ok", "version": VERSION})

    async def readyz(request: Request) -> Response:
        checks = await readiness(app)
        ready = all(check["ok"] for check in checks.values())
        return JSONResponse({"status": "ok" if ready else "unavailable", "checks": checks}, 200 if ready else 503)

    async def metrics_page(request: Request) -> Response:
        return Response(await metrics.render(app), media_type="text/plain; version=0.0.4; charset=utf-8")

    found = [
        Route("/llm.txt", llm_txt), Route("/llms.txt", llm_txt), Route("/openapi.json", openapi_json),
        Route("/docs", docs_page), Route("/healthz", healthz), Route("/readyz", readyz),
    ]  # fmt: skip
    return [*found, Route("/metrics", metrics_page)] if app.settings.metrics else found


async def readiness(app: App) -> dict[str, dict[str, Any]]:
    """`{check: {ok, found}}` for database, migrations and publisher."""
    checks = {"database": _database, "migrations": _migrations, "publisher": _publisher}
    return {name: await _within(check, app) for name, check in checks.items()}


async def _within(check: Any, app: App) -> dict[str, Any]:
    try:
        async with asyncio.timeout(PATIENCE):
            ok, found = await check(app)
    except Exception as error:
        log.warning("ready.failed", check=check.__name__.lstrip("_"), error=type(error).__name__)
        ok, found = False, type(error).__name__
    return {"ok": ok, "found": found}


async def _database(app: App) -> tuple[bool, str]:
    await app.db.read(_select_one)
    return True, app.db.url.get_backend_name()


def _select_one(session: Session) -> None:
    session.execute(text("SELECT 1"))


async def _migrations(app: App) -> tuple[bool, str]:
    found = await asyncio.to_thread(migrate.revision, app.db)
    return found == migrate.head(), str(found)


async def _publisher(app: App) -> tuple[bool, str]:
    if app.publisher is None:
        return True, "runs elsewhere"
    health = await app.publisher.health()
    oldest = health["oldestOverdue"]
    said = "advancing" if health["advancing"] else "not advancing"
    return bool(health["advancing"]), said if oldest is None else f"{said}, oldest overdue {oldest.isoformat()}"
