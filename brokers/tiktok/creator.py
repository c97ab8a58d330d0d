"""What the creator lets an app post, and the post's own choices within that.

developers.tiktok.com/doc/content-posting-api-reference-query-creator-info and .../content-sharing-guidelines,
read 2026-11-22.
"""

from __future__ import annotations

from typing import Any, NoReturn

from brokers.base import Draft
from brokers.errors import PlatformError, Unclear
from brokers.platform_http import PlatformHttp
from brokers.platform_settings import settings_of
from brokers.tiktok.accepts import ACCEPTS, Settings
from brokers.tiktok.api import ask

SWITCHES = ("comment", "duet", "stitch")
PUBLIC, PRIVATE = "PUBLIC_TO_EVERYONE", "SELF_ONLY"
_SETTING = "platformOverrides.tiktok.settings"


async def ask_creator(api: PlatformHttp, token: str) -> dict[str, Any]:
    """`{username, privacy: [...], disabled: [comment|duet|stitch, ...], max_seconds}`, as of now."""
    said = await ask(api, token, "creator_info/query", {})
    if not isinstance(said.get("privacy_level_options"), list) or not said["privacy_level_options"]:
        raise Unclear("a creator without privacy options")
    return {
        "username": said.get("creator_username"),
        "privacy": [str(level) for level in said["privacy_level_options"]],
        "disabled": [name for name in SWITCHES if said.get(f"{name}_disabled")],
        "max_seconds": said.get("max_video_post_duration_sec"),
    }


def post_info(draft: Draft, creator: dict[str, Any]) -> dict[str, Any]:
    """TikTok's `post_info`. Raises PlatformError (content) when the creator does not allow what is asked.

    Photos carry the text as their `description` and know neither duet nor stitch; TikTok refuses both fields there.
    `is_aigc` on photos: assumed.
    """
    settings = settings_of(draft, Settings)
    switches = SWITCHES if draft.videos else SWITCHES[:1]
    _check_length(draft, creator["max_seconds"])
    wanted = {
        "title" if draft.videos else "description": ACCEPTS.compose(draft),
        "privacy_level": privacy_level(settings, creator["privacy"]),
        **{f"disable_{name}": _is_disabled(settings, creator["disabled"], name) for name in switches},
        "brand_content_toggle": settings.brand_content_toggle,
        "brand_organic_toggle": settings.brand_organic_toggle,
        "is_aigc": settings.is_aigc or (None if draft.images else False),
        "video_cover_timestamp_ms": settings.video_cover_timestamp_ms,
    }
    return {name: value for name, value in wanted.items() if value is not None}


def privacy_level(settings: Settings, options: list[str]) -> str:
    """The level asked for, else the first that TikTok offers (the widest)."""
    level = settings.privacy_level or options[0]
    if level not in options:
        _refuse(f"TikTok does not offer privacyLevel {level} to this account.", _choices(options))
    if settings.brand_content_toggle and level == PRIVATE:
        _refuse("TikTok does not take branded content that only the creator can see.",
                f"Set {_SETTING}.brandContentToggle to false. " + _choices(options))  # fmt: skip
    return level


def narrowed(settings: Settings, options: list[str]) -> str | None:
    """What to say when TikTok offered nothing public and nobody had asked for less."""
    if settings.privacy_level or options[0] == PUBLIC:
        return None
    return f"TikTok published the post with privacyLevel {options[0]}: the widest that it offers to this account and app."


def _choices(options: list[str]) -> str:
    if options == [PRIVATE]:
        return (
            "This account and app may only post privately, as TikTok has it until the app is audited: "
            f"set {_SETTING}.privacyLevel to SELF_ONLY."
        )
    return f"Set {_SETTING}.privacyLevel to one of {', '.join(options)}."


def _is_disabled(settings: Settings, disabled: list[str], name: str) -> bool:
    setting = f"disable_{name}"
    wanted: bool = settings.model_dump()[setting]
    if name in disabled and not wanted and setting in settings.model_fields_set:
        wire = f"disable{name.capitalize()}"
        _refuse(f"The creator has switched {name} off in TikTok, so it cannot be on for this post.",
                f"Set {_SETTING}.{wire} to true or leave it out, or switch it on in the TikTok app.")  # fmt: skip
    return wanted or name in disabled


def _check_length(draft: Draft, most: float | None) -> None:
    for video in draft.videos:
        if most is not None and video.duration_seconds is not None and video.duration_seconds > most:
            _refuse(f"The video has {video.duration_seconds:g} seconds; TikTok takes {most:g} from this account.",
                    f"Cut the video to at most {most:g} seconds.")  # fmt: skip


def _refuse(message: str, hint: str) -> NoReturn:
    raise PlatformError(message, kind="content", hint=hint)
