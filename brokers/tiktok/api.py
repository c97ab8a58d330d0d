"""How every call of TikTok's API looks: JSON both ways, what matters under `data`."""

from __future__ import annotations

from typing import Any

from brokers.errors import Reply, Unclear
from brokers.platform_http import PlatformHttp

API = "https://open.tiktokapis.com/v2"
_JSON = {"content-type": "application/json; charset=UTF-8"}


async def ask(api: PlatformHttp, token: str, path: str, body: dict[str, Any]) -> dict[str, Any]:
    """The `data` of a POST to `/v2/post/publish/{path}/`."""
    url = f"{API}/post/publish/{path}/"
    return data_of(await api.request("POST", url, headers=_JSON, json_body=body, token=token))


def data_of(reply: Reply) -> dict[str, Any]:
    found = reply.body.get("data") if isinstance(reply.body, dict) else None
    if not isinstance(found, dict):
        raise Unclear(f"HTTP {reply.status} without data")
    return found


def publish_id_of(said: dict[str, Any]) -> str:
    if not isinstance(said.get("publish_id"), str) or not said["publish_id"]:
        raise Unclear("an answer without a publish_id")
    return str(said["publish_id"])
