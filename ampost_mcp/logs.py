"""Logging: one pipe for our events and the libraries' records, as coloured lines on a terminal or as JSON.

Never logged: headers, bodies, query strings (they carry keys, codes and texts).
"""

from __future__ import annotations

import logging
import sys

import structlog
from structlog.types import Processor

from ampost_mcp.settings import Settings

#: These say at INFO what must not be written down: URLs with tokens, session ids.
QUIET = ("httpx", "httpcore", "mcp", "sse_starlette", "uvicorn", "uvicorn.access", "uvicorn.error", "alembic", "PIL", "multipart")


def configure(settings: Settings) -> None:
    """Sets up structlog and the root logger. Must come before an `MCPServer` is made, which would otherwise do it."""
    level = logging.getLevelNamesMapping().get(settings.log_level.upper(), logging.INFO)
    style = settings.log_format or ("console" if sys.stderr.isatty() else "json")
    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(structlog.stdlib.ProcessorFormatter(processors=_ending(style), foreign_pre_chain=shared))
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level)
    for name in QUIET:
        logging.getLogger(name).setLevel(max(level, logging.WARNING))
    for name in ("uvicorn", "uvicorn.error"):
        logging.getLogger(name).handlers.clear()
        logging.getLogger(name).propagate = True


def _ending(style: str) -> list[Processor]:
    remove = structlog.stdlib.ProcessorFormatter.remove_processors_meta
    if style == "json":
        return [remove, structlog.processors.format_exc_info, structlog.processors.JSONRenderer()]
    # The default traceback shows local variables, and they hold tokens.
    plain = structlog.dev.ConsoleRenderer(exception_formatter=structlog.dev.plain_traceback)
    return [remove, plain]
