"""What the arguments mean, in words for tools and the reference."""

from __future__ import annotations

from typing import Any

#: Argument -> meaning, where its model does not say it.
MEANINGS: dict[str, str] = {
    "accountId": "An account's id, from accounts_list.",
    "acknowledgeDuplicateRisk": "True: you have looked, and accept that a platform whose outcome is unknown may post twice.",
    "altText": "What the item shows, for people who do not see it.",
    "content": "Text, media, link and overrides.",
    "durationSeconds": "Length of a video.",
    "filename": "File name; fileName means the same.",
    "height": "Pixels.",
    "id": "Your own id of the item.",
    "limit": "How many at the most.",
    "linkUrl": "A link to share. Platforms without links refuse it.",
    "media": "Media in order. TikTok, YouTube and LinkedIn videos need these typed items; Instagram needs at least one.",
    "mediaUrls": "Bare URLs of images or videos. Prefer media.",
    "mimeType": "Such as image/jpeg, image/png, image/webp, video/mp4, video/quicktime.",
    "name": "Display name, 1 to 50 characters.",
    "offset": "How many to leave out at the start.",
    "platform": "Only this platform.",
    "platformOverrides": "By platform key: another text, and settings such as placement (instagram, facebook), visibility "
    "(linkedin), privacyLevel (tiktok), title and privacyStatus (youtube).",
    "platformSetId": "A platform set's id, from platform_sets_list.",
    "platforms": "Platform keys. Each needs an active account in the set.",
    "postId": "A post's id, from posts_create or posts_list.",
    "scheduledFor": "RFC 3339 with Z or an offset, in the future: when the post goes out by itself. Only facebook, instagram "
    "and youtube can be scheduled.",
    "search": "Words of the text.",
    "settings": "The platform's own settings; the resource ampost://platforms/{platform} lists them.",
    "sizeBytes": "Size of the file.",
    "status": "Only posts with this status.",
    "text": "The text. Limits: X 280 (weighted), Threads 500, Instagram and TikTok 2200, LinkedIn 3000, Facebook 63206.",
    "thumbnailUrl": "A still image for a video.",
    "type": "Kind of the item.",
    "url": "A public http or https URL.",
    "width": "Pixels.",
}


def explained(schema: dict[str, Any]) -> dict[str, Any]:
    """An object's schema in which every argument says what it means."""
    properties = {
        name: {**_inside(sub), "description": sub.get("description") or MEANINGS[name]}
        for name, sub in schema.get("properties", {}).items()
    }
    if "filename" in properties:
        properties["fileName"] = properties["filename"]
    return {**schema, "properties": properties}


def _inside(schema: dict[str, Any]) -> dict[str, Any]:
    if "properties" in schema:
        return explained(schema)
    changed: dict[str, Any] = {
        key: _inside(schema[key]) for key in ("items", "additionalProperties") if isinstance(schema.get(key), dict)
    }
    if "anyOf" in schema:
        changed["anyOf"] = [_inside(arm) for arm in schema["anyOf"]]
    return {**schema, **changed}
