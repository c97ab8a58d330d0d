"""The kinds of values on the wire: times, URLs, texts, names."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any
from urllib.parse import urlsplit

from pydantic import AfterValidator, BeforeValidator, Field, GetCoreSchemaHandler, GetJsonSchemaHandler, WithJsonSchema
from pydantic_core import CoreSchema, core_schema

from brokers.text import clean_text

MAX_URL, MAX_NUMBER = 4096, 2**53

_RFC_3339 = re.compile(r"([0-9]{4}-[0-9]{2}-[0-9]{2})[Tt]([0-9]{2}:[0-9]{2}:[0-9]{2})(\.[0-9]+)?([Zz]|[+-][0-9]{2}:[0-9]{2})")


def read_time(value: Any) -> datetime:
    """A point in time in UTC from RFC 3339. Digits beyond microseconds round up: never before the time asked for."""
    if isinstance(value, datetime):
        return value.astimezone(UTC)
    match = _RFC_3339.fullmatch(value) if isinstance(value, str) else None
    try:
        if match is None or len(value) > 64:
            raise ValueError
        day, time, fraction, offset = match.groups()
        digits = (fraction or ".")[1:].ljust(6, "0")
        exact = datetime.fromisoformat(f"{day}T{time}.{digits[:6]}{offset.upper()}")
        return exact.astimezone(UTC) + timedelta(microseconds=1 if digits[6:].strip("0") else 0)
    except (ValueError, OverflowError):
        raise ValueError("must be a time such as 2026-06-01T09:00:00Z, with Z or an offset") from None


def write_time(at: datetime | None) -> str | None:
    """UTC, with milliseconds where they are not zero."""
    if at is None:
        return None
    return f"{at.isoformat(timespec='milliseconds' if at.microsecond >= 1000 else 'seconds')[:-6]}Z"


def check_url(url: str) -> str:
    """Refuses what is no plain http(s) URL, and what two parsers might read differently."""
    clean_text(url)
    if any(character.isspace() or character == "\\" for character in url):
        raise ValueError("must not contain spaces or backslashes")
    try:
        parts = urlsplit(url)
        is_web = parts.scheme.lower() in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        is_web = False
    if not is_web:
        raise ValueError("must be an http or https URL")
    if "@" in parts.netloc:
        raise ValueError("must not contain a user name or password")
    return url


class Absent:
    """Marks a field that may be left out although its type allows None: the schema does not offer null."""

    @classmethod
    def __get_pydantic_json_schema__(cls, schema: CoreSchema, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        made = handler(schema)
        arms = [arm for arm in made.pop("anyOf", ()) if arm != {"type": "null"}]
        return {**arms[0], **made} if len(arms) == 1 else {**made, "anyOf": arms} if arms else made


class Keep(Absent):
    """The same, and null is refused: leaving the field out keeps what is stored, null could mean anything."""

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.no_info_before_validator_function(_refuse_null, handler(source))


def _refuse_null(value: Any) -> Any:
    if value is None:
        raise ValueError("must not be null; leave it out to keep what is stored")
    return value


def _name(value: str) -> str:
    value = clean_text(value).strip()
    if not value:
        raise ValueError("must not be blank")
    if "\n" in value or "\t" in value:
        raise ValueError("must be one line")
    return value


def _with_newlines(settings: dict[str, Any]) -> dict[str, Any]:
    """CR LF becomes a newline in texts; what else a platform's settings may hold is checked by their own model."""

    def clean(value: Any) -> Any:
        return value.replace("\r\n", "\n") if isinstance(value, str) else value

    return {
        name: [clean(item) for item in value] if isinstance(value, list) else clean(value) for name, value in settings.items()
    }


Text = Annotated[str, AfterValidator(clean_text)]
Settings = Annotated[dict[str, Any], AfterValidator(_with_newlines)]
Id = Text
Url = Annotated[str, Field(max_length=MAX_URL), AfterValidator(check_url), WithJsonSchema({"type": "string", "format": "uri"})]
Timestamp = Annotated[datetime, BeforeValidator(read_time)]
Name = Annotated[str, AfterValidator(_name)]
#: A time in an answer, already written.
Time = Annotated[str, WithJsonSchema({"type": "string", "format": "date-time"})]
