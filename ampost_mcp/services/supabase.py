"""Sessions from Supabase: its cookie, the signature of the token in it, and the user that it names.

@supabase/ssr stores the session as `sb-<ref>-auth-token`, JSON or `base64-` and base64url, cut into `.0`, `.1`, ...
when it is long. Tokens are signed with a key of the project's JWKS, or with the legacy shared secret (HS256).
supabase.com/docs/guides/auth/jwts and .../server-side/advanced-guide (assumed).
"""

from __future__ import annotations

import asyncio
import base64
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import unquote, urlsplit

import httpx
import jwt
import structlog
from sqlmodel import Session

from ampost_mcp.context import App
from ampost_mcp.services.users import create
from storage import users

log = structlog.get_logger("ampost.supabase")

#: How long keys are good without asking again, and how often an unknown key id may make us ask.
FRESH, COOLDOWN = timedelta(minutes=10), timedelta(seconds=30)
ALGORITHMS = ("ES256", "RS256", "EdDSA")
LONGEST = 64 * 1024
#: Audience, issuer and expiry (by our own clock) are judged in `_is_for_us`.
OPTIONS: Any = {
    "require": ["exp", "sub"],
    "verify_exp": False,
    "verify_iat": False,
    "verify_nbf": False,
    "verify_aud": False,
}

_NAME = re.compile(r"(sb-[\w-]+-auth-token)(?:\.(\d{1,2}))?")


@dataclass
class _Kept:
    """The keys as last fetched."""

    keys: dict[str | None, jwt.PyJWK] = field(default_factory=dict)
    asked_at: datetime | None = None
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)


async def claims(app: App, cookies: Mapping[str, str]) -> dict[str, Any] | None:
    """What the cookie's token says once its signature, audience, issuer and expiry are checked; else None."""
    for value in _values(app, cookies):
        token = _access_token(value)
        if token is not None and (found := await _verified(app, token)) is not None:
            return found
    return None


async def user(app: App, claims: dict[str, Any]) -> dict[str, Any]:
    """The user of a token: by its subject, else by a verified e-mail address, else a new one of the free tier."""
    found = await app.db.read_quick(users.by_supabase_sub, claims["sub"])
    if found is not None:
        return found
    return await app.db.write(_find_or_make, claims, app.clock())


def _find_or_make(session: Session, claims: dict[str, Any], now: datetime) -> dict[str, Any]:
    sub, email = claims["sub"], claims.get("email")
    if found := users.by_supabase_sub(session, sub):
        return found
    taken = users.by_email(session, email) if isinstance(email, str) and email else None
    if taken and _is_verified(claims):
        if taken["supabase_sub"] is None:
            users.change(session, taken["id"], supabase_sub=sub)
        return taken
    # An unverified address is no proof of being that user, and addresses are unique.
    own = email if isinstance(email, str) and "@" in email and taken is None else f"{sub}@users.invalid"
    return create(session, now, own, "free", supabase_sub=sub)


def _is_verified(claims: dict[str, Any]) -> bool:
    metadata = claims.get("user_metadata")
    return claims.get("email_verified") is True or (isinstance(metadata, dict) and metadata.get("email_verified") is True)


def _values(app: App, cookies: Mapping[str, str]) -> list[str]:
    """The cookies of Supabase's name put together again, this project's first."""
    parts: dict[str, dict[int, str]] = {}
    for name, value in cookies.items():
        if found := _NAME.fullmatch(name):
            parts.setdefault(found[1], {})[int(found[2] or -1)] = value
    ref = (urlsplit(app.settings.supabase_url).hostname or "").split(".")[0]
    names = sorted(parts, key=lambda name: name != f"sb-{ref}-auth-token")
    return [parts[name].get(-1) or "".join(value for _, value in sorted(parts[name].items())) for name in names]


def _access_token(value: str) -> str | None:
    if len(value) > LONGEST:
        return None
    try:
        if value.startswith("base64-"):
            text = value.removeprefix("base64-")
            raw = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
        else:
            raw = unquote(value).encode()
        session = json.loads(raw)
    except (ValueError, RecursionError):
        return None
    token = session.get("access_token") if isinstance(session, dict) else session[0] if _is_pair(session) else None
    return token if isinstance(token, str) else None


def _is_pair(session: Any) -> bool:
    """Older clients stored `[access token, refresh token, ...]`."""
    return isinstance(session, list) and bool(session)


async def _verified(app: App, token: str) -> dict[str, Any] | None:
    try:
        header = jwt.get_unverified_header(token)
        key, algorithm = await _key(app, header)
        said: dict[str, Any] = jwt.decode(token, key, algorithms=[algorithm], options=OPTIONS)
    except (jwt.PyJWTError, KeyError, ValueError, TypeError):
        return None
    return said if _is_for_us(app, said) else None


def _is_for_us(app: App, said: dict[str, Any]) -> bool:
    audience, issuer = said.get("aud", "authenticated"), f"{app.settings.supabase_url.rstrip('/')}/auth/v1"
    audiences = audience if isinstance(audience, list) else [audience]
    expires = said["exp"]
    return (
        isinstance(expires, int | float) and expires > app.clock().timestamp()
        and "authenticated" in audiences
        and said.get("iss", issuer) == issuer
        and isinstance(said["sub"], str) and 0 < len(said["sub"]) <= 64
        and not said.get("is_anonymous")
    )  # fmt: skip


async def _key(app: App, header: dict[str, Any]) -> tuple[Any, str]:
    """The key that a token says it is signed with, and the algorithm that this key is for. Raises KeyError."""
    if header["alg"] == "HS256":
        if not app.settings.supabase_jwt_secret:
            raise KeyError("no shared secret")
        return app.settings.supabase_jwt_secret, "HS256"
    found = (await _keys(app, header.get("kid")))[header.get("kid")]
    if found.algorithm_name not in ALGORITHMS:
        raise KeyError(found.algorithm_name)
    return found.key, found.algorithm_name


async def _keys(app: App, wanted: str | None) -> dict[str | None, jwt.PyJWK]:
    """The project's public keys by id; asked for anew when they are old or `wanted` is not among them."""
    kept: _Kept = app.extras.setdefault("supabase_keys", _Kept())
    async with kept.lock:
        age = None if kept.asked_at is None else app.clock() - kept.asked_at
        if age is None or age > FRESH or (wanted not in kept.keys and age > COOLDOWN):
            kept.asked_at = app.clock()
            kept.keys = await _fetch_keys(app) or kept.keys
    return kept.keys


async def _fetch_keys(app: App) -> dict[str | None, jwt.PyJWK] | None:
    url = f"{app.settings.supabase_url.rstrip('/')}/auth/v1/.well-known/jwks.json"
    try:
        reply = await app.http.get(url, timeout=5)
        reply.raise_for_status()
        listed = [key for key in reply.json()["keys"] if key.get("kty") in ("EC", "RSA", "OKP")]
        return {key.get("kid"): jwt.PyJWK.from_dict(key) for key in listed}
    except (httpx.HTTPError, jwt.PyJWTError, ValueError, KeyError, TypeError, AttributeError) as error:
        log.warning("supabase.keys_unavailable", error=type(error).__name__)
        return None
