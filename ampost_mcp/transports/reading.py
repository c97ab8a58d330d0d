"""Reading requests strictly: what is ambiguous or too large is refused, before it costs anything."""

from __future__ import annotations

import json
import re
from collections.abc import AsyncIterator
from typing import Any

from pydantic_core import from_json
from starlette.requests import Request

from ampost_mcp.errors import AppError, from_faults

MAX_BODY = 1024 * 1024
INTEGER = re.compile(r"-?[0-9]{1,18}")


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


def read_query(request: Request, integers: frozenset[str]) -> dict[str, Any]:
    """The query parameters, those named in `integers` as numbers when they are written as such.

    Raises VALIDATION_FAILED for a name that stands twice."""
    pairs = request.query_params.multi_items()
    found = dict(pairs)
    if len(found) != len(pairs):
        twice = sorted({name for name, _ in pairs if sum(name == other for other, _ in pairs) > 1})
        raise from_faults(
            [{"code": "VALIDATION_FAILED", "field": name, "message": f"{name} is given twice.",
              "hint": "Give each query parameter once."} for name in twice]
        )  # fmt: skip
    return {name: int(value) if name in integers and INTEGER.fullmatch(value) else value for name, value in found.items()}


def is_clean(value: Any) -> bool:
    """Whether a value that another JSON reader made is one that `parse_object` would have taken, names aside."""
    try:
        from_json(json.dumps(value, allow_nan=False))
    except (ValueError, RecursionError):
        return False
    return True
