"""Who sits at the browser: the built-in login, Supabase's cookie, and whether a change came from our own pages."""

from __future__ import annotations

import functools
import hashlib
import math
import secrets
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, Protocol

import anyio.to_thread
import structlog
from anyio import CapacityLimiter
from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from ampost_mcp.context import App, Caller
from ampost_mcp.errors import AppError
from storage import sessions as rows
from storage import users

log = structlog.get_logger("ampost.sessions")

COOKIE = "ampost_session"
LIFE = timedelta(days=30)
#: Characters of a password; hashing more would only cost time.
LONGEST_PASSWORD = 1024
#: Failed logins within the window, for one address with one e-mail, for one address, for one e-mail.
WINDOW = timedelta(minutes=15)
FAILURES = {"pair": 10, "address": 50, "email": 100}
#: Passwords hashed at the same time: each takes 64 MiB.
HASHES = 2
SAFE_METHODS = ("GET", "HEAD", "OPTIONS")
#: The port of an address that names none.
PORTS = {"http": ":80", "https": ":443"}

_hasher = PasswordHasher()


class BrowserRequest(Protocol):
    """What a request must tell; Starlette's does. Header names are looked up in any case."""

    @property
    def method(self) -> str: ...
    @property
    def headers(self) -> Mapping[str, str]: ...
    @property
    def cookies(self) -> Mapping[str, str]: ...
    @property
    def scope(self) -> Mapping[str, Any]: ...


def hash_password(password: str) -> str:
    """Raises VALIDATION_FAILED for a password of no or too many characters."""
    if not 0 < len(password) <= LONGEST_PASSWORD:
        raise AppError("VALIDATION_FAILED", f"A password has 1 to {LONGEST_PASSWORD} characters.", "Give another one.")
    return _hasher.hash(password)


async def log_in(app: App, email: str, password: str, address: str) -> tuple[Caller, str]:
    """The caller, and the value for the session's cookie. An unknown e-mail takes as long as a wrong password.

    Raises UNAUTHORIZED, or RATE_LIMITED after too many failures.
    """
    names = _counted(email, address)
    _check_failures(app, names)
    user = await app.db.read(users.by_email, email[:320])
    limiter = app.extras.setdefault("password_threads", CapacityLimiter(HASHES))
    known = user["password_hash"] if user else None
    fits = await anyio.to_thread.run_sync(_verify, known, password[:LONGEST_PASSWORD], limiter=limiter)
    if user is None or not fits:
        _count_failure(app, names)
        raise AppError("UNAUTHORIZED", "The e-mail address or the password is wrong.", "Check both and try again.")
    value = secrets.token_urlsafe(32)
    now = app.clock()
    await app.db.write(rows.add, user["id"], _hash(value), now, now + LIFE)
    log.info("session.began", user=user["id"])
    return _caller(user, _hash(value)), value


async def log_out(app: App, request: BrowserRequest) -> None:
    if value := request.cookies.get(COOKIE):
        await app.db.write(rows.end, _hash(value))


async def caller(app: App, request: BrowserRequest) -> Caller | None:
    """Who the browser's cookie belongs to, None without one that is good.

    Raises FORBIDDEN for a request that changes something and did not come from our own pages.
    """
    found = await _built_in(app, request) or await _by_supabase(app, request)
    if found is not None and request.method not in SAFE_METHODS and not is_same_origin(app, request):
        raise foreign()
    return found


def is_same_origin(app: App, request: BrowserRequest) -> bool:
    """Whether the browser says that one of our own pages sent this request: by `Origin`, else by `Sec-Fetch-Site`; a
    word against it from either counts."""
    origin, site = request.headers.get("origin"), request.headers.get("sec-fetch-site")
    if origin is None:
        return site == "same-origin"
    here = f"{request.scope['scheme']}://{request.headers.get('host', '')}"
    found = _origin(origin)
    is_ours = found is not None and found in (_origin(app.settings.address), _origin(here))
    return is_ours and site in (None, "same-origin")


def _origin(address: str) -> str | None:
    """Scheme, host and port of a web address, in one spelling."""
    scheme, _, rest = address.lower().partition("://")
    host = rest.partition("/")[0].removesuffix(PORTS.get(scheme, ""))
    return f"{scheme}://{host}" if scheme in PORTS and host else None


def came_from_elsewhere(app: App, request: BrowserRequest) -> bool:
    """Whether the browser says that another site sent this request; clients that are no browsers say nothing."""
    says = "origin" in request.headers or "sec-fetch-site" in request.headers
    return says and not is_same_origin(app, request)


def foreign() -> AppError:
    return AppError(
        "FORBIDDEN",
        "A change by a browser session has to come from this server's own pages.",
        "Send Origin or Sec-Fetch-Site as browsers do, or use an API key with the REST API. If this was one of its pages, "
        "set AMPOST_PUBLIC_URL to the address that browsers use.",
    )


def secure_cookie(app: App) -> bool:
    return app.settings.address.startswith("https://")


async def _built_in(app: App, request: BrowserRequest) -> Caller | None:
    value = request.cookies.get(COOKIE)
    user = await app.db.read_quick(rows.user, _hash(value), app.clock()) if value else None
    return _caller(user, _hash(value)) if user and value else None


async def _by_supabase(app: App, request: BrowserRequest) -> Caller | None:
    if not app.settings.supabase_url:
        return None
    from ampost_mcp.services import supabase

    claims = await supabase.claims(app, request.cookies)
    if claims is None:
        return None
    user = await supabase.user(app, claims)
    return _caller(user, _hash(f"supabase:{user['id']}"))


def _caller(user: dict[str, Any], session_id: str) -> Caller:
    return Caller(user["id"], user["email"], user["tier"], user["owner_tag"], session_id=session_id)


def _hash(value: str) -> str:
    return hashlib.sha256(value.encode()).hexdigest()


@functools.cache
def _decoy() -> str:
    return _hasher.hash(secrets.token_urlsafe(16))


def _verify(known: str | None, password: str) -> bool:
    try:
        return _hasher.verify(known or _decoy(), password) and known is not None
    except (VerificationError, InvalidHashError, UnicodeEncodeError):
        return False


def _counted(email: str, address: str) -> dict[str, str]:
    email = hashlib.sha256(email.strip().lower().encode(errors="replace")).hexdigest()
    return {"pair": f"{email} {address}", "address": address, "email": email}


def _failures(app: App) -> dict[tuple[str, str], list[datetime]]:
    found: dict[tuple[str, str], list[datetime]] = app.extras.setdefault("login_failures", {})
    return found


def _check_failures(app: App, names: dict[str, str]) -> None:
    """Raises RATE_LIMITED."""
    now, failures = app.clock(), _failures(app)
    for kind, name in names.items():
        recent = [at for at in failures.get((kind, name), []) if now - at < WINDOW]
        if len(recent) >= FAILURES[kind]:
            wait = max(1, math.ceil((recent[0] + WINDOW - now).total_seconds()))
            raise AppError(
                "RATE_LIMITED", "Too many failed logins.", f"Wait {wait} seconds, then try again.",
                [{"code": "RATE_LIMITED", "retryAfter": wait}], headers={"Retry-After": str(wait)},
            )  # fmt: skip


def _count_failure(app: App, names: dict[str, str]) -> None:
    now, failures = app.clock(), _failures(app)
    if len(failures) > 10_000:
        for key in [key for key, times in failures.items() if now - times[-1] >= WINDOW]:
            del failures[key]
    for kind, name in names.items():
        times = failures.setdefault((kind, name), [])
        times[:] = [*(at for at in times[-FAILURES[kind] :] if now - at < WINDOW), now]
