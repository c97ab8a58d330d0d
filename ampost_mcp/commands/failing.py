"""Failures of commands as one sentence: what is wrong and how to mend it."""

from __future__ import annotations

from pydantic import ValidationError

from ampost_mcp.cli import CommandError
from ampost_mcp.errors import AppError
from ampost_mcp.opening import CannotStart
from ampost_mcp.settings import PLAIN
from brokers.errors import NotSent, PlatformError, Unclear

#: Hints for those who call over the wire -> the same for whoever typed a command.
TYPED = {
    "Mend the fields named in details and send it again.": "Mend this and run the command again.",
    "platform_sets_list shows yours.": "ampost-mcp sets list shows them.",
}


def sentence(error: Exception) -> str:
    """Never a traceback, never a secret."""
    if isinstance(error, ExceptionGroup):  # what a task group makes of one
        return sentence(error.exceptions[0])
    if isinstance(error, CommandError | CannotStart):
        return str(error)
    if isinstance(error, AppError):  # the faults in its details are in its message too
        return _joined(error.message, error.hint)
    if isinstance(error, PlatformError):
        return _joined(f"The platform refused: {error.message}", error.hint)
    if isinstance(error, NotSent | Unclear):
        return f"The platform could not be asked ({error}); check the network and AMPOST_PLATFORMS_URL."
    if isinstance(error, ValidationError):
        faults = "; ".join(f"{_variable(e['loc'])}: {e['msg'].removeprefix('Value error, ')}" for e in error.errors())
        return f"A setting is wrong: {faults}. Mend it in the environment or in .env."
    if isinstance(error, OSError) and error.filename:
        return f"{error.filename} cannot be used: {error.strerror}. Check the setting that names it, or who may read it."
    return f"{type(error).__name__}: {str(error).splitlines()[0] if str(error) else 'no further word'}. Run ampost-mcp doctor."


def _joined(said: str, hint: str | None) -> str:
    ended = said if said.endswith((".", "!", "?")) else f"{said}."
    return f"{ended} {TYPED.get(hint, hint)}" if hint else ended


def _variable(place: tuple[int | str, ...]) -> str:
    name = "_".join(map(str, place))
    return name.upper() if name in PLAIN else f"AMPOST_{name.upper()}"
