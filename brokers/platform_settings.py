"""`platformOverrides.<platform>.settings`: one typed model a platform, read from what the caller wrote.

A model holds the shape only (names, types, choices). Lengths and whatever depends on the draft are rules, because
settings of a platform that is not selected are kept after a check of their shape.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Any, TypeVar

from pydantic import AfterValidator, AwareDatetime, BaseModel, BeforeValidator, ConfigDict, model_validator
from pydantic.alias_generators import to_camel

from brokers.base import Draft
from brokers.text import clean_text


def _parse_timestamp(value: Any) -> datetime:
    try:
        if "T" not in value.upper():
            raise ValueError
        read = datetime.fromisoformat(value)
        if read.tzinfo is None:
            raise ValueError
        return read.astimezone(UTC)
    except (AttributeError, TypeError, ValueError, OverflowError):
        raise ValueError("must be an ISO 8601 timestamp with an offset or Z") from None


#: Text of a setting, under the same hygiene as the post's text.
SettingText = Annotated[str, AfterValidator(clean_text)]
#: A point in time: ISO 8601 with an offset or `Z`; numbers are refused. Held in UTC.
Timestamp = Annotated[AwareDatetime, BeforeValidator(_parse_timestamp)]


class PlatformSettings(BaseModel):
    """Snake case here, camelCase on the wire, nothing unknown, no coercion. A null is the same as leaving it out."""

    model_config = ConfigDict(
        extra="forbid",
        strict=True,
        frozen=True,
        alias_generator=to_camel,
        validate_by_name=False,
        validate_by_alias=True,
    )

    @model_validator(mode="before")
    @classmethod
    def _drop_nulls(cls, raw: Any) -> Any:
        if not isinstance(raw, dict):
            return raw
        known = {info.alias for info in cls.model_fields.values()}
        return {name: value for name, value in raw.items() if value is not None or name not in known}


S = TypeVar("S", bound=PlatformSettings)


def settings_of(draft: Draft, model: type[S]) -> S:
    """The draft's settings as `model`; its defaults when the draft has none."""
    return draft.settings if isinstance(draft.settings, model) else model()
