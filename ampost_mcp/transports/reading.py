"""Reading requests strictly: what is ambiguous or too large is refused, before it costs anything."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import AsyncIterator
from typing import Any

from pydantic_core import from_json
from starlette.requests import Request

from ampost_mcp.errors import AppError, from_faults
from ampost_mcp.parsing import MOST_FAULTS, Fault

MAX_BODY = 1024 * 1024
INTEGER = re.compile(r"-?[0-9]{1,18}")
#: Methods whose arguments stand in the body; those of the others stand in the query.
IN_BODY = frozenset({"POST", "PATCH"})


async def read_arguments(request: Request, integers: frozenset[str] = frozenset()) -> tuple[dict[str, Any], list[Fault]]:
    """The arguments, from the body or the query, and what is wrong around them: to be told with their own faults.

    Raises like `read_object`, and then tells of both too."""
    if request.method not in IN_BODY:
        return read_query(request, integers)
    strays = stray_parameters(request)
    try:
        return await read_object(request), strays
    except AppError as error:
        if not strays or error.code != "VALIDATION_FAILED":
            raise
        raise from_faults([*strays, *error.details]) from error


async def read_body(request: Request, limit: int = MAX_BODY) -> bytes:
    """The body, at most `limit` bytes of it. Raises PAYLOAD_TOO_LARGE as soon as that is known."""
    declared = request.headers.get("content-length", "")
    if declared.isdigit() and int(declared) > limit:
        raise too_large(limit)
    return b"".join([chunk async for chunk in _counted(request, limit)])


async def _counted(request: Request, limit: int) -> AsyncIterator[bytes]:
    size = 0
    async for chunk in request.stream():
        size += len(chunk)
        if size > limit:
            raise too_large(limit)
        yield chunk


def too_large(limit: int) -> AppError:
    return AppError(
        "PAYLOAD_TOO_LARGE",
        f"The body has more than {limit} bytes.",
        "Send media by URL, or as files to POST /api/posts.",
        [{"code": "PAYLOAD_TOO_LARGE", "limit": limit}],
    )


async def read_object(request: Request) -> dict[str, Any]:
    """The body as a JSON object; an absent body is an empty object. Raises VALIDATION_FAILED."""
    body = await read_body(request)
    if not body:
        return {}
    media_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if media_type != "application/json" and not media_type.endswith("+json"):
        raise bad_body("The Content-Type is not application/json.", "Send JSON with Content-Type: application/json.")
    return parse_object(body)


def parse_object(body: bytes | str) -> dict[str, Any]:
    """A JSON object, of which every reader would read the same: no NaN, no name twice, no half surrogates, at most 200
    levels deep. Raises VALIDATION_FAILED."""
    try:
        from_json(body, allow_inf_nan=False)
        value = json.loads(body, object_pairs_hook=_no_name_twice, parse_float=_finite)
    except (ValueError, RecursionError) as error:
        raise bad_body(f"The body is not valid JSON: {_reason(error)}.", "Send one JSON object in UTF-8.") from error
    if not isinstance(value, dict):
        raise bad_body("The body is not a JSON object.", "Send one JSON object, {...}.")
    return value


def _no_name_twice(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) != len(pairs):
        raise ValueError("a name stands twice in one object")
    return members


def _finite(number: str) -> float:
    value = float(number)
    if value in (float("inf"), float("-inf")):
        raise ValueError("a number is too large")
    return value


def _reason(error: Exception) -> str:
    return "nested too deeply" if isinstance(error, RecursionError) else str(error).removesuffix(".")


def bad_body(message: str, hint: str) -> AppError:
    return from_faults([{"code": "VALIDATION_FAILED", "field": "body", "message": message, "hint": hint}])


def read_query(request: Request, integers: frozenset[str]) -> tuple[dict[str, Any], list[Fault]]:
    """The query parameters, those named in `integers` as numbers when they are written as such; and a fault for each that
    stands twice, of which the last counts."""
    pairs = request.query_params.multi_items()
    found = {name: int(value) if name in integers and INTEGER.fullmatch(value) else value for name, value in pairs}
    twice = sorted(name for name, times in Counter(name for name, _ in pairs).items() if times > 1)
    return found, [
        _wrong(name, f"{name[:64]} is given twice.", "Give each query parameter once.") for name in twice[:MOST_FAULTS]
    ]


def stray_parameters(request: Request) -> list[Fault]:
    """A fault for each query parameter, where there are none."""
    return [no_place(name, "query parameter") for name in list(request.query_params)[:MOST_FAULTS]]


def no_place(name: str, what: str) -> Fault:
    return _wrong(name, f"There is no {what} named {name[:64]}.", "Remove it.")


def _wrong(name: str, message: str, hint: str) -> Fault:
    return {"code": "VALIDATION_FAILED", "field": name[:64], "message": message, "hint": hint}


def is_clean(value: Any) -> bool:
    """Whether a value that another JSON reader made is one that `parse_object` would have taken, names aside."""
    try:
        from_json(json.dumps(value, allow_nan=False))
    except (ValueError, RecursionError):
        return False
    return True
