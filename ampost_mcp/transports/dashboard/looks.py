"""How pages are made: templates, their headers, and the page that says what went wrong."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from ampost_mcp.errors import AppError

HERE = Path(__file__).parent
#: No script, nothing from elsewhere but pictures, forms only to ourselves.
POLICY = (
    "default-src 'none'; style-src 'self'; img-src 'self' https: data:; form-action 'self'; base-uri 'none'; "
    "frame-ancestors 'none'"
)
HEADERS = {
    "Content-Security-Policy": POLICY, "Cache-Control": "no-store", "Referrer-Policy": "same-origin",
    "X-Frame-Options": "DENY",
}  # fmt: skip

_templates = Environment(
    loader=FileSystemLoader(HERE / "templates"), autoescape=True, undefined=StrictUndefined, trim_blocks=True,
    lstrip_blocks=True,
)  # fmt: skip


def _when(value: str | None) -> str:
    """A wire time for people."""
    return datetime.fromisoformat(value).strftime("%-d %b %Y, %H:%M UTC") if value else "–"


_templates.filters["when"] = _when


def page(template: str, status: int = 200, **values: Any) -> Response:
    """`caller` (None on the login) and whatever the template names."""
    return HTMLResponse(_templates.get_template(template).render(**values), status, HEADERS)


def failure_page(error: AppError, caller: Any = None) -> Response:
    answer = page("failure.html", error.status, error=error, caller=caller)
    answer.headers.update(error.headers)
    return answer


async def style(request: Request) -> Response:
    css = (HERE / "dashboard.css").read_text("utf-8")
    return Response(css, media_type="text/css", headers={"Cache-Control": "public, max-age=3600"})
