"""From raw JSON values to models: every fault of shape at once, and what could be read in spite of them."""

from __future__ import annotations

import copy
import re
from collections.abc import Iterator
from typing import Any, TypeVar, get_args

from pydantic import BaseModel, ValidationError

from ampost_mcp.errors import from_faults

M = TypeVar("M", bound=BaseModel)
Fault = dict[str, Any]
Place = tuple[int | str, ...]

CONTENT = ("text", "media", "mediaUrls", "linkUrl", "platformOverrides")
#: How many faults one answer lists.
MOST_FAULTS = 50
#: Lists whose items stand for themselves: one can go without the others changing their meaning.
ITEMWISE = frozenset({"platforms"})
ROUNDS = 6

#: What pydantic says of a type, in words that fit behind a field's name.
SAID = {
    "missing": "is required",
    "extra_forbidden": "is not a known field",
    "model_type": "must be an object",
    "model_attributes_type": "must be an object",
    "dict_type": "must be an object",
    "list_type": "must be a list",
    "string_type": "must be a string",
    "int_type": "must be an integer",
    "int_from_float": "must be an integer",
    "bool_type": "must be true or false",
}
_SHOULD = re.compile(r"^(Input|String|List|Dictionary|Data) should ")
#: Keys of pydantic's error context that say a limit, and what an answer calls them.
_LIMITS = {"max_length": "limit", "min_length": "limit", "le": "limit", "ge": "limit", "actual_length": "actual"}


def nest_content(raw: dict[str, Any]) -> dict[str, Any]:
    """A post's arguments with the flat content fields (`text`, `media`, ...) put into `content`."""
    flat = {name: raw[name] for name in CONTENT if name in raw}
    content = raw.get("content", {})
    if not flat or not isinstance(content, dict):
        return raw
    moved = {name: value for name, value in flat.items() if name not in content}
    rest = {name: value for name, value in raw.items() if name not in moved}
    return {**rest, "content": {**content, **moved}}


def parse(model: type[M], raw: Any) -> tuple[M | None, list[Fault]]:
    """The model, and the faults of the raw value (wire names only).

    With faults the model is what remains when the faulty fields are left out, so that it can still be checked against
    other rules; None when nothing meaningful remains.
    """
    try:
        return _validated(model, raw), []
    except ValidationError as error:
        faults = [_fault(model, found) for found in error.errors(include_url=False, include_input=False)]
        return _salvaged(model, copy.deepcopy(raw), error), faults[:MOST_FAULTS]


def parsed(model: type[M], raw: Any) -> M:
    """The model. Raises VALIDATION_FAILED with every fault."""
    found, faults = parse(model, raw)
    if faults or found is None:
        raise from_faults(faults)
    return found


def _validated(model: type[M], raw: Any) -> M:
    return model.model_validate(raw, by_alias=True, by_name=False)


def _salvaged(model: type[M], raw: Any, error: ValidationError) -> M | None:
    for _ in range(ROUNDS):
        gone: list[Place] = []
        for found in reversed(error.errors(include_url=False, include_input=False)):
            place = found["loc"]
            if any(place[: len(before)] == before for before in gone):
                continue
            gone.append(_drop(raw, place))
        if () in gone:
            return None
        try:
            return _validated(model, raw)
        except ValidationError as again:
            error = again
    return None


def _drop(raw: Any, place: Place) -> Place:
    """Removes what is at `place`, or the nearest thing around it that can go; answers where that was, or ()."""
    holders: list[Any] = []
    inner = raw
    for part in place:
        if not _has(inner, part):
            break
        holders.append(inner)
        inner = inner[part]
    for depth in reversed(range(len(holders))):
        if isinstance(holders[depth], dict) or (depth and place[depth - 1] in ITEMWISE):
            del holders[depth][place[depth]]
            return place[: depth + 1]
    return ()


def _has(holder: Any, part: int | str) -> bool:
    if isinstance(holder, dict):
        return part in holder
    return isinstance(holder, list) and part in range(len(holder))


def _fault(model: type[BaseModel], error: Any) -> Fault:
    path = [_plain(part) for part in error["loc"] if part != "[key]"]
    name = ".".join(path)
    fault: Fault = {"code": "VALIDATION_FAILED", "field": name, "message": f"{name or 'The request'} {_say(error)}."}
    context = error.get("ctx", {})
    fault |= {name: context[key] for key, name in _LIMITS.items() if key in context}
    if error["type"] == "extra_forbidden":
        known = ", ".join(_fields_at(model, path))
        fault["hint"] = f"Remove {name}; known fields are {known}." if known else f"Remove {name}."
    return fault


def _plain(part: int | str) -> str:
    """A part of a field's path that can stand in an answer, whatever the caller named it."""
    return str(part).encode("ascii", "backslashreplace").decode()[:64]


def _say(error: Any) -> str:
    if error["type"] in SAID:
        return SAID[error["type"]]
    message = str(error["msg"]).removeprefix("Value error, ").removesuffix(".")
    return _SHOULD.sub("must ", message)


def _fields_at(model: type[BaseModel], path: list[str]) -> Iterator[str]:
    """The wire names of the fields around `path`. The content's own stand for it: a tool takes them flat."""
    for part in path:
        found = next((info for name, info in model.model_fields.items() if (info.alias or name) == part), None)
        model = (_model_in(found.annotation) if found else None) or model
    for name, info in model.model_fields.items():
        inner = _model_in(info.annotation) if name == "content" else None
        yield f"{', '.join(_fields_at(inner, []))} (these in content over REST)" if inner else info.alias or name


def _model_in(annotation: Any) -> type[BaseModel] | None:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    return next((found for part in get_args(annotation) if (found := _model_in(part))), None)
