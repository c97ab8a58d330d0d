"""The session's cookie."""

from __future__ import annotations

from starlette.responses import Response

from ampost_mcp.context import App
from ampost_mcp.services import sessions


def set_cookie(app: App, answer: Response, value: str) -> None:
    answer.set_cookie(
        sessions.COOKIE, value, max_age=int(sessions.LIFE.total_seconds()), secure=sessions.secure_cookie(app),
        httponly=True, samesite="lax",
    )  # fmt: skip
