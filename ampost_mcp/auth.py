"""Who asks: a bearer key, or a browser session where a route takes one."""

from __future__ import annotations

from datetime import timedelta

from starlette.datastructures import Headers
from starlette.requests import Request

from ampost_mcp.context import App, Caller
from ampost_mcp.errors import AppError
from ampost_mcp.services import sessions
from ampost_mcp.tiers import API_KEYS, admit_key
from storage import keys

#: How precise `lastUsedAt` is.
USED_EVERY = timedelta(minutes=1)
SEND_KEY = "Send the header Authorization: Bearer amp_live_..., with a key from ampost-mcp keys create."


async def by_key(app: App, headers: Headers) -> Caller:
    """The owner of the bearer key, looked up anew for each request.

    Raises UNAUTHORIZED without a valid key, PLAN_UPGRADE_REQUIRED for a tier without API keys.
    """
    found = await app.db.read_quick(keys.find, bearer(headers))
    if found is None:
        raise unauthorized("The API key is not valid, or has been revoked.")
    key, user = found
    admit_key(user.tier)
    now = app.clock()
    if key.last_used_at is None or now - key.last_used_at >= USED_EVERY:
        await app.db.write(keys.touch, key.id, now)
    return Caller(user.id, user.email, user.tier, user.owner_tag, key_id=key.id)


async def by_key_or_session(app: App, request: Request) -> Caller:
    """A bearer key when there is one, else the browser's session. Raises like `by_key`; FORBIDDEN for a request that
    another site sent."""
    if "authorization" in request.headers:
        return await by_key(app, request.headers)
    caller = await sessions.caller(app, request)
    if caller is None:
        raise unauthorized("There is neither an API key nor a session.")
    return caller


def bearer(headers: Headers) -> str:
    """The raw key of `Authorization: Bearer ...`, the scheme in any case. Raises UNAUTHORIZED."""
    given = headers.getlist("authorization")
    scheme, _, raw = (given[0] if len(given) == 1 else "").partition(" ")
    if scheme.lower() != "bearer" or not raw.strip():
        raise unauthorized("There is no API key in the request.")
    return raw.strip()


def unauthorized(message: str, hint: str = SEND_KEY) -> AppError:
    return AppError("UNAUTHORIZED", message, hint)


async def dead_keys(app: App, key_ids: list[str]) -> list[str]:
    """Those of the keys that would be refused now."""
    alive = await app.db.read(keys.alive, key_ids, API_KEYS)
    return [key_id for key_id in key_ids if key_id not in alive]
