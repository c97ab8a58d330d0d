"""Asking an operation as both doors do: raw wire values in, the wire form or the error out."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from ampost_mcp.context import App, Caller
from ampost_mcp.errors import AppError
from ampost_mcp.operations import BY_NAME, invoke

Ask = Callable[..., Awaitable[dict[str, Any]]]


@pytest.fixture
def ask(app: App) -> Ask:
    """`await ask(caller, "posts_get", postId=...)`; `key=` is an idempotency key."""

    async def do(caller: Caller, operation: str, *, key: str | None = None, **raw: Any) -> dict[str, Any]:
        return await invoke(app, BY_NAME[operation], caller, raw, key=key)

    return do


@pytest.fixture
def refused(ask: Ask) -> Ask:
    """The same for what is refused: `(code, {field: code of the fault there})` with the error under `error`."""

    async def do(caller: Caller, operation: str, **raw: Any) -> dict[str, Any]:
        with pytest.raises(AppError) as caught:
            await ask(caller, operation, **raw)
        error = caught.value
        return {
            "code": error.code,
            "faults": {(detail.get("field"), detail["code"]) for detail in error.details},
            "error": error,
        }

    return do


@pytest.fixture
def write(ask: Ask, a_set: Callable[..., str]) -> Ask:
    """`await write(caller, text="...", platforms=["threads"], ...)`: a new post in the default set, or in `set_id`."""

    async def do(
        caller: Caller, text: str = "Hello", *, platforms: tuple[str, ...] = ("threads",), set_id: str | None = None,
        scheduled_for: str | None = None, key: str | None = None, **content: Any,
    ) -> dict[str, Any]:  # fmt: skip
        raw: dict[str, Any] = {
            "content": {"text": text, **content}, "platforms": list(platforms),
            "platformSetId": set_id or a_set(caller),
        }  # fmt: skip
        if scheduled_for is not None:
            raw["scheduledFor"] = scheduled_for
        answer = await ask(caller, "posts_create", key=key, **raw)
        return dict(answer["post"])

    return do


@pytest.fixture
def writer(a_user: Callable[..., Caller], an_account: Callable[..., str]) -> Caller:
    """A user with an account of every platform in the default set."""
    caller = a_user()
    for platform in ("facebook", "instagram", "linkedin", "threads", "tiktok", "twitter", "youtube"):
        an_account(caller, platform)
    return caller
