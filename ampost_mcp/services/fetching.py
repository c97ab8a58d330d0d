"""Fetches what users point at, and nothing that only this server can reach.

The check happens where the connection is made: a name is resolved once, its addresses are checked, and the connection
goes to one that passed. So neither a name that answers differently the second time nor a redirect is a way around.
"""

from __future__ import annotations

import functools
import hashlib
import socket
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urljoin, urlsplit

import anyio
import anyio.to_thread
import httpcore
import httpx

from ampost_mcp.services.addresses import Allowed, is_public
from brokers.errors import Kind, PlatformError

#: (host, port) -> IP addresses.
Resolve = Callable[[str, int], Awaitable[list[str]]]

CHUNK = 256 * 1024
HEADERS: list[tuple[str | bytes, str | bytes]] = [
    ("accept", "image/*, video/*"),
    ("accept-encoding", "identity"),
    ("user-agent", "ampost-mcp"),
]
REDIRECTS = (301, 302, 303, 307, 308)
#: Refusals that the same request may not meet later.
PASSING = (408, 425, 429)


@dataclass(frozen=True)
class Caps:
    """Bounds of one fetch: bytes, redirect hops, and seconds to connect, without a byte, and altogether."""

    max_bytes: int = 200 * 1024 * 1024
    hops: int = 3
    connect: float = 10
    idle: float = 30
    total: float = 300


@dataclass(frozen=True)
class Fetched:
    """A file that was streamed to `path`. `sha256` is lower-case hex."""

    path: Path
    size_bytes: int
    sha256: str


class _NotAllowed(Exception):
    """The host has no public address."""


async def resolve(host: str, port: int) -> list[str]:
    found = await anyio.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(entry[4][0]) for entry in found))


class _Guard(httpcore.AsyncNetworkBackend):
    """Opens connections to checked addresses only."""

    def __init__(self, allow: Allowed, resolve: Resolve) -> None:
        self._allow, self._resolve = allow, resolve
        self._inner = httpcore.AnyIOBackend()

    async def connect_tcp(
        self, host: str, port: int, timeout: float | None = None, local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.AsyncNetworkStream:  # fmt: skip
        trusted = (host.lower(), port) in self._allow
        try:
            with anyio.fail_after(timeout):
                addresses = await self._resolve(host, port)
        except TimeoutError as error:
            raise httpcore.ConnectTimeout("the name did not resolve in time") from error
        except (OSError, UnicodeError) as error:
            raise httpcore.ConnectError("the name does not resolve") from error
        checked = [address for address in addresses if trusted or is_public(address)]
        if not checked:
            raise _NotAllowed(host)
        failed: Exception = httpcore.ConnectError("no address")
        for address in checked:
            try:
                return await self._inner.connect_tcp(address, port, timeout, local_address, socket_options)
            except (httpcore.ConnectError, httpcore.ConnectTimeout) as error:
                failed = error
        raise failed

    async def connect_unix_socket(self, *arguments: Any, **options: Any) -> httpcore.AsyncNetworkStream:
        raise _NotAllowed("a socket file")

    async def sleep(self, seconds: float) -> None:
        await anyio.sleep(seconds)


async def fetch(url: str, into: Path, *, allow: Allowed, caps: Caps = Caps(), resolve: Resolve = resolve) -> Fetched:
    """Streams `url` to the file `into`, hashing on the way. Ignores proxies of the environment.

    Raises PlatformError MEDIA_UPLOAD_FAILED: `content` when it will never do (private address, 4xx, too large, too many
    redirects), `transient` when it may later (no connection, time-out, 5xx).
    """
    try:
        with anyio.fail_after(caps.total):
            async with _pool(allow, resolve) as pool:
                return await _follow(pool, url, into, caps)
    except _NotAllowed as error:
        raise _failed(url, "its host has no public address", "content", "Use a URL that anyone can open.") from error
    except (TimeoutError, httpcore.TimeoutException) as error:
        raise _failed(url, "the server was too slow") from error
    except (httpcore.ConnectError, httpcore.NetworkError) as error:
        raise _failed(url, "no connection could be made or it broke off") from error
    except (httpcore.ProtocolError, httpcore.UnsupportedProtocol, httpx.InvalidURL, ValueError) as error:
        raise _failed(url, "the address or the server's answer is not valid HTTP", "content") from error


@functools.cache
def _trust() -> ssl.SSLContext:
    return httpx.create_ssl_context(trust_env=False)


@asynccontextmanager
async def _pool(allow: Allowed, resolve: Resolve) -> AsyncIterator[httpcore.AsyncConnectionPool]:
    async with httpcore.AsyncConnectionPool(
        ssl_context=await anyio.to_thread.run_sync(_trust), network_backend=_Guard(allow, resolve), max_connections=1
    ) as pool:
        yield pool


async def _follow(pool: httpcore.AsyncConnectionPool, url: str, into: Path, caps: Caps) -> Fetched:
    timeout = {"connect": caps.connect, "read": caps.idle, "write": caps.idle, "pool": caps.idle}
    at = url
    for _ in range(caps.hops + 1):
        target = _target(at)
        headers: list[tuple[str | bytes, str | bytes]] = [("host", target.netloc), *HEADERS]
        async with pool.stream("GET", str(target), headers=headers, extensions={"timeout": timeout}) as response:
            location = _header(response, b"location")
            if response.status in REDIRECTS and location:
                at = urljoin(str(target), location)
                continue
            _check_status(url, response.status)
            if int(_header(response, b"content-length") or 0) > caps.max_bytes:
                raise _too_large(url, caps)
            return await _save(response, url, into, caps)
    raise _failed(url, f"it redirects more than {caps.hops} times", "content")


def _target(url: str) -> httpx.URL:
    """The URL with its name in ASCII, without credentials and fragment."""
    target = httpx.URL(url).copy_with(username=None, password=None, fragment=None)
    if target.scheme not in ("http", "https") or not target.host:
        raise httpcore.UnsupportedProtocol(target.scheme)
    return target


async def _save(response: httpcore.Response, url: str, into: Path, caps: Caps) -> Fetched:
    digest, size = hashlib.sha256(), 0
    async with await anyio.open_file(into, "wb") as file:
        async for chunk in response.aiter_stream():
            size += len(chunk)
            if size > caps.max_bytes:
                raise _too_large(url, caps)
            digest.update(chunk)
            await file.write(chunk)
    return Fetched(into, size, digest.hexdigest())


def measure(path: Path) -> Fetched:
    """Size and hash of a file on this disk. Blocking."""
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256")
    return Fetched(path, path.stat().st_size, digest.hexdigest())


def _header(response: httpcore.Response, name: bytes) -> str:
    return next((value.decode("latin-1") for key, value in response.headers if key.lower() == name), "")


def _check_status(url: str, status: int) -> None:
    if status == 200:
        return
    kind: Kind = "transient" if status >= 500 or status in PASSING else "content"
    raise _failed(url, f"the server answered HTTP {status}", kind)


def _too_large(url: str, caps: Caps) -> PlatformError:
    return _failed(url, f"it is larger than {caps.max_bytes // 1048576} MiB", "content", "Use a smaller file.")


def _failed(url: str, why: str, kind: Kind = "transient", hint: str | None = None) -> PlatformError:
    """The query is left out of what is said: signed URLs carry their credential there."""
    parts = urlsplit(url)
    shown = f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path[:200]}"
    return PlatformError(
        f"The media at {shown} could not be fetched: {why}.",
        kind=kind, code="MEDIA_UPLOAD_FAILED", broker_code=None,
        hint=hint or "Check that content.media[].url opens without a login, then retry.",
    )  # fmt: skip
