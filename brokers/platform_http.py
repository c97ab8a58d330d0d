"""The one door to the platforms: sends a request and decides what its answer means (see `brokers.errors`)."""

from __future__ import annotations

import email.utils
import json
import ssl
import time
from collections.abc import AsyncIterable, AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from functools import cache
from http.cookiejar import CookieJar, DefaultCookiePolicy
from itertools import cycle
from typing import Any
from urllib.parse import urlsplit

import httpx

from brokers.errors import NotSent, PlatformError, ReadError, Reply, Unclear
from brokers.files import FormFile, multipart

#: An answer larger than this is not an answer (bytes).
MAX_ANSWER = 4 * 1024 * 1024
#: Pools of connections for the requests of all lanes that may be repeated.
POOLS = 16
TOKEN_PARAMETERS = ("access_token", "client_secret", "refresh_token")


@cache
def _tls() -> ssl.SSLContext:
    """One for all clients: making it takes tens of milliseconds, and every irreversible request has a client of its own."""
    return httpx.create_ssl_context(trust_env=False)


def new_client(pools: int = 1) -> httpx.AsyncClient:
    """No redirects, no proxies of the environment, and no cookies: one account's would go out with the next account's
    requests. Many requests at once want several `pools` of connections."""
    no_cookies = CookieJar(DefaultCookiePolicy(allowed_domains=()))
    return httpx.AsyncClient(transport=_Pools(pools), cookies=no_cookies, trust_env=False, follow_redirects=False)


class _Pools(httpx.AsyncBaseTransport):
    """Requests go to several pools in turn. One pool looks at each of its connections before and after each request: with
    fifty lanes that was half of the server's work."""

    def __init__(self, count: int) -> None:
        limits = httpx.Limits(max_connections=None)
        self._pools = [httpx.AsyncHTTPTransport(verify=_tls(), trust_env=False, limits=limits) for _ in range(count)]
        self._turns = cycle(self._pools)

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        return await next(self._turns).handle_async_request(request)

    async def aclose(self) -> None:
        for pool in self._pools:
            await pool.aclose()


@dataclass(frozen=True)
class PlatformHttp:
    """Requests to one platform.

    `root` is the simulator's root (`AMPOST_PLATFORMS_URL`) or None for the real platforms; `timeout` is in seconds;
    `fresh` opens a new connection for each request, as the irreversible one needs. `links_to_root` makes links for
    people point into the simulator too. `poll` overrides the seconds between status polls.
    """

    client: httpx.AsyncClient
    read_error: ReadError
    hosts: tuple[str, ...]
    root: str | None = None
    timeout: float = 30
    fresh: bool = False
    links_to_root: bool = False
    poll: float | None = None

    def on_fresh_connection(self) -> PlatformHttp:
        return replace(self, fresh=True)

    def every(self, seconds: float) -> float:
        """Seconds between status polls: the platform's own pace, unless a setting overrides it."""
        return self.poll if self.poll is not None else seconds

    def link(self, url: str) -> str:
        """A link for a person: as it is, or into the simulator's pages when this server brought the simulator."""
        return rewrite(url, self.root) if self.links_to_root else url

    async def request(
        self,
        method: str,
        url: str,
        *,
        params: Mapping[str, Any] | None = None,
        headers: Mapping[str, str] | None = None,
        json_body: Any = None,
        form: Mapping[str, Any] | None = None,
        file: FormFile | None = None,
        content: bytes | AsyncIterable[bytes] | None = None,
        token: str | None = None,
        secret: bool = False,
        timeout: float | None = None,
    ) -> Reply:
        """Sends one request to `url` (the platform's real `https://` address) and returns its 2xx or 3xx answer.

        `file` goes out as a multipart form, behind the fields of `form`. `token` is sent as a Bearer header. Set `secret`
        when headers, query or body carry a credential in another place; either way the host must be one of the platform's
        own. Raises PlatformError, NotSent or Unclear.
        """
        if token or secret or any(name in (params or {}) for name in TOKEN_PARAMETERS):
            self._check_host(url)
        sent_headers = {"accept": "application/json", "user-agent": "ampost-mcp", **(headers or {})}
        if token:
            sent_headers["authorization"] = f"Bearer {token}"
        arguments: dict[str, Any] = {"params": params or None, "headers": sent_headers, "timeout": timeout or self.timeout}
        if json_body is not None:
            arguments["content"] = json.dumps(json_body, ensure_ascii=False, allow_nan=False).encode()
            sent_headers.setdefault("content-type", "application/json")
        elif file is not None:
            described, arguments["content"] = multipart(form or {}, file)
            sent_headers |= described
        elif form is not None:
            arguments["data"] = form
        elif content is not None:
            arguments["content"] = content
        return self._judge(await self._send(method, rewrite(url, self.root), arguments))

    async def _send(self, method: str, url: str, arguments: dict[str, Any]) -> Reply:
        try:
            async with self._client() as client, client.stream(method, url, **arguments) as response:
                return await _read(response)
        except (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout, httpx.UnsupportedProtocol) as error:
            raise NotSent(f"no connection to {urlsplit(url).hostname}: {type(error).__name__}") from error
        except (httpx.HTTPError, httpx.InvalidURL, httpx.StreamError) as error:
            raise Unclear(f"{method} to {urlsplit(url).hostname} got no usable answer: {type(error).__name__}") from error

    @asynccontextmanager
    async def _client(self) -> AsyncIterator[httpx.AsyncClient]:
        # A pooled connection may be closed by its peer just as it is used, and then nobody knows what arrived.
        if not self.fresh:
            yield self.client
            return
        async with new_client() as client:
            yield client

    def _judge(self, reply: Reply) -> Reply:
        refusal = self.read_error(reply)
        if reply.status >= 500 or reply.status == 408:
            # A 5xx proves nothing about the effect, whatever its body says.
            raise Unclear(f"HTTP {reply.status}" + (f" ({refusal.platform_code})" if refusal else ""))
        if refusal is not None:
            raise _with_retry_after(refusal, reply)
        if reply.status == 429:
            raise _with_retry_after(PlatformError("The platform is rate limiting.", kind="quota", status=429), reply)
        if reply.status >= 400:
            raise PlatformError(
                f"The platform refused the request with HTTP {reply.status}.",
                kind="unknown", broker_code="PLATFORM_ERROR", status=reply.status, platform_code=str(reply.status),
            )  # fmt: skip
        if reply.status < 300 and reply.body is None and _claims_json(reply):
            raise Unclear(f"HTTP {reply.status} with a body that is not the JSON it claims to be")
        return reply

    def _check_host(self, url: str) -> None:
        host = urlsplit(url).hostname or ""
        if self.root and url.startswith(self.root.rstrip("/") + "/"):
            return
        if not any(host == known.lstrip(".") or (known[0] == "." and host.endswith(known)) for known in self.hosts):
            raise PlatformError(
                "The platform named a host outside its own list; no token was sent there.",
                kind="config", broker_code="INVALID_CONFIG",
            )  # fmt: skip


def rewrite(url: str, root: str | None) -> str:
    """`https://HOST/PATH` as `{root}/HOST/PATH`; unchanged without a root, or when it already lies under it."""
    if not root or url.startswith(root.rstrip("/") + "/"):
        return url
    _, _, rest = url.partition("://")
    return f"{root.rstrip('/')}/{rest}"


async def _read(response: httpx.Response) -> Reply:
    chunks, size = [], 0
    async for chunk in response.aiter_bytes():
        size += len(chunk)
        if size > MAX_ANSWER:
            raise httpx.ReadError("answer too large")
        chunks.append(chunk)
    raw = b"".join(chunks)
    try:
        body = json.loads(raw) if raw else None
    except ValueError:
        body = None
    return Reply(response.status_code, response.headers, body, raw[:2000].decode("utf-8", "replace"))


def _claims_json(reply: Reply) -> bool:
    return "json" in reply.headers.get("content-type", "") and bool(reply.text)


def _with_retry_after(error: PlatformError, reply: Reply) -> PlatformError:
    error.status = error.status or reply.status
    if error.kind in ("quota", "transient") and error.retry_after is None:
        error.retry_after = retry_after(reply.headers)
    return error


def retry_after(headers: Mapping[str, str]) -> float | None:
    """Seconds to wait by `Retry-After` (seconds or a date) or X's `x-rate-limit-reset` (unix seconds)."""
    value = headers.get("retry-after")
    if value is not None:
        if value.strip().isdigit():
            return float(value)
        try:
            return max(0.0, email.utils.parsedate_to_datetime(value).timestamp() - time.time())
        except (TypeError, ValueError):
            return None
    reset = headers.get("x-rate-limit-reset", "")
    return max(0.0, float(reset) - time.time()) if reset.isdigit() else None
