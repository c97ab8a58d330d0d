"""Failures of commands as one sentence: what is wrong and how to mend it."""

from __future__ import annotations

from pydantic import ValidationError

from ampost_mcp.cli import CommandError
from ampost_mcp.errors import AppError
from ampost_mcp.opening import CannotStart
from brokers.errors import NotSent, PlatformError, Unclear


def sentence(error: Exception) -> str:
    """Never a traceback, never a secret."""
    if isinstance(error, CommandError | CannotStart):
        return str(error)
    if isinstance(error, AppError):
        return f"{error.message} {error.hint or ''}".strip()
    if isinstance(error, PlatformError):
        return f"The platform refused: {error.message} {error.hint or ''}".strip()
    if isinstance(error, NotSent | Unclear):
        return f"The platform could not be asked ({error}); check the network and AMPOST_PLATFORMS_URL."
    if isinstance(error, ValidationError):
        faults = "; ".join(
            f"AMPOST_{'_'.join(map(str, e['loc'])).upper()}: {e['msg'].removeprefix('Value error, ')}" for e in error.errors()
        )
        return f"A setting is wrong: {faults}. Mend it in the environment or in .env."
    if isinstance(error, OSError) and error.filename:
        return f"{error.filename} cannot be used: {error.strerror}. Check the setting that names it, or who may read it."
    return f"{type(error).__name__}: {str(error).splitlines()[0] if str(error) else 'no further word'}. Run ampost-mcp doctor."
