"""LinkedIn's versioned REST API: the headers that every request carries."""

from __future__ import annotations

from typing import Any

from brokers.base import Account
from brokers.errors import Reply, Unclear
from brokers.platform_http import PlatformHttp

REST = "https://api.linkedin.com/rest"
#: YYYYMM; LinkedIn retires a version about a year after its month. `apiVersion` in an account's metadata replaces it.
VERSION = "202605"


async def call(api: PlatformHttp, account: Account, method: str, path: str, body: Any = None, **asked: str) -> Reply:
    """One request below /rest. `body` is sent as JSON, `asked` as the query."""
    headers = {
        "linkedin-version": str(account.metadata.get("apiVersion") or VERSION),
        "x-restli-protocol-version": "2.0.0",
    }
    return await api.request(method, f"{REST}{path}", params=asked, headers=headers, json_body=body, token=account.access_token)


async def act(api: PlatformHttp, account: Account, path: str, action: str, **given: Any) -> dict[str, Any]:
    """A Rest.li action with its one parameter object; its `value`."""
    reply = await call(api, account, "POST", path, {f"{action}Request": given}, action=action)
    value = reply.body.get("value") if isinstance(reply.body, dict) else None
    return value if isinstance(value, dict) else {}


def said(answer: dict[str, Any], name: str) -> Any:
    """What an answer must contain."""
    if not answer.get(name):
        raise Unclear(f"an answer without {name}")
    return answer[name]


def author(account: Account) -> str:
    return f"urn:li:person:{account.platform_account_id}"
