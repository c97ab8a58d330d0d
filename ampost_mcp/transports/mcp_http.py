"""The door at `/mcp`: who may come in, how many sessions a key may hold, and that refusals look like ours."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Literal
from urllib.parse import urlsplit

import anyio
from mcp.server.auth.middleware.auth_context import auth_context_var
from mcp.server.auth.middleware.bearer_auth import AuthenticatedUser
from mcp.server.auth.provider import AccessToken
from mcp.server.streamable_http_manager import StreamableHTTPASGIApp
from mcp.server.transport_security import TransportSecurityMiddleware, TransportSecuritySettings
from mcp_types.version import HANDSHAKE_PROTOCOL_VERSIONS
from starlette.requests import Request
from starlette.types import Message, Receive, Scope, Send

from ampost_mcp import auth
from ampost_mcp.context import App, Caller
from ampost_mcp.errors import AppError
from ampost_mcp.settings import Settings
from ampost_mcp.transports.http import error_response, refusal
from ampost_mcp.transports.mcp import Server
from ampost_mcp.transports.streams import Streams

MAX_BODY = 4 * 1024 * 1024
#: In the process (a session costs about 40 kB), and of one key.
SESSIONS = 2000
MOST = {"session": 100, "stream": 100}
#: Seconds until a session without requests ends.
IDLE = 1800.0
LOOPBACK = ("127.0.0.1", "localhost", "[::1]")
_LOCAL_PORT = re.compile(rb"(127\.0\.0\.1|localhost|\[::1\]):[0-9]{1,5}")
WORDS = {
    400: ("The request is not one that MCP knows.", "Send JSON-RPC with Content-Type: application/json."),
    403: ("Requests from this Origin are not allowed.", "Set AMPOST_PUBLIC_URL to the address that browsers use."),
    405: ("This method is not possible here.", "Send POST; GET and DELETE need an Mcp-Session-Id."),
    406: ("The Accept header does not fit.", "Accept both application/json and text/event-stream."),
    413: (f"The body has more than {MAX_BODY} bytes.", "Send media by URL."),
    421: ("The server does not answer to this Host.", "Set AMPOST_PUBLIC_URL to the address that clients use."),
}
Long = Literal["session", "stream"]


def trusted(settings: Settings) -> TransportSecuritySettings:
    """The Hosts and Origins that are ours: the public address, and this machine's names (as Origins for our port alone)."""
    public = urlsplit(settings.address)
    port = public.port or (443 if public.scheme == "https" else 80)
    bare = public.netloc.lower().rpartition("@")[2].removesuffix(f":{port}")
    local = [*LOOPBACK, *(f"{name}:{settings.port}" for name in LOOPBACK)]
    return TransportSecuritySettings(
        allowed_hosts=[bare, f"{bare}:{port}", *LOOPBACK],
        allowed_origins=[f"{public.scheme}://{bare}", f"{public.scheme}://{bare}:{port}",
                         *(f"http://{name}" for name in local)],
    )  # fmt: skip


def plain_host(host: bytes) -> bytes:
    """A Host as it is compared: in lower case, and this machine's names without a port, since a tunnel or a container has
    one of its own. (The SDK's pattern `localhost:*` would let `localhost:1.evil.example` through.)"""
    host = host.lower()
    local = _LOCAL_PORT.fullmatch(host)
    return local[1] if local else host


class Door:
    """An ASGI endpoint: Host and Origin first, then the key, then the SDK."""

    def __init__(self, app: App, server: Server, streams: Streams) -> None:
        security = trusted(app.settings)
        server.streamable_http_app(
            # Nothing is said before a result, and a plain answer costs half the CPU of an event stream. Streams that a
            # client asks for (GET, subscriptions/listen) are event streams all the same.
            json_response=True,
            stateless_http=app.settings.stateless,
            max_request_body_size=MAX_BODY,
            session_idle_timeout=IDLE,
            max_sessions=SESSIONS,
            transport_security=security,
        )
        self._app = app
        self._manager = server.session_manager
        self._sdk = StreamableHTTPASGIApp(self._manager)
        self._security = TransportSecurityMiddleware(security)
        self._streams = streams
        self._begun: Counter[tuple[str, Long]] = Counter()

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        async with self._manager.run(), anyio.create_task_group() as tasks:
            tasks.start_soon(self._streams.watch, self._app)
            yield
            self._streams.close_all()
            tasks.cancel_scope.cancel()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        scope["headers"] = [(name, plain_host(value) if name == b"host" else value) for name, value in scope["headers"]]
        request = Request(scope, receive)
        send = in_our_words(scope, receive, send)
        try:
            if strange := await self._security.validate_request(request):
                await strange(scope, receive, send)
                return
            caller = await auth.by_key(self._app, request.headers)
            scope["state"]["caller"] = caller
            opens = _opens(request)
            async with self._room_for(caller.key_id or "", opens):
                await self._enter(caller, opens == "stream", scope, receive, send)
        except AppError as error:
            await error_response(error, request.state.request_id)(scope, receive, send)

    async def _enter(self, caller: Caller, is_stream: bool, scope: Scope, receive: Receive, send: Send) -> None:
        key_id = caller.key_id or ""
        user = AuthenticatedUser(AccessToken(token="", client_id=key_id, subject=caller.user_id, scopes=[]))
        scope["user"] = user  # the SDK binds sessions to it
        token = auth_context_var.set(user)
        try:
            await self._streams.serve(key_id, is_stream, self._sdk, scope, receive, send)
        finally:
            auth_context_var.reset(token)

    @asynccontextmanager
    async def _room_for(self, key_id: str, opens: Long | None) -> AsyncIterator[None]:
        """Raises RATE_LIMITED when the key has too many open streams, or sessions that are all in use."""
        if opens is None:
            yield
            return
        if opens == "session":
            await self._drop_idle_session(key_id)
        if self._open(key_id, opens) >= MOST[opens]:
            raise AppError("RATE_LIMITED", f"This key has {MOST[opens]} open {opens}s.", f"End a {opens} first.")
        self._begun[key_id, opens] += 1
        try:
            yield
        finally:
            self._begun[key_id, opens] -= 1
            self._begun += Counter()  # forgets zeros

    def _open(self, key_id: str, opens: Long) -> int:
        return self._begun[key_id, opens] + (len(self._sessions(key_id)) if opens == "session" else 0)

    def _sessions(self, key_id: str) -> list[str]:
        # The SDK has no public list of sessions; tests/edge/test_sessions.py notices when this one goes.
        owners = self._manager._session_owners
        return [session_id for session_id, owner in owners.items() if owner["client_id"] == key_id]

    async def _drop_idle_session(self, key_id: str) -> None:
        """Makes room by ending the key's oldest session that serves no request. Many clients never end theirs."""
        if self._open(key_id, "session") < MOST["session"]:
            return
        for session_id in self._sessions(key_id):
            transport = self._manager._server_instances[session_id]
            if not transport._requests_in_flight:
                await self._manager._discard_session(session_id, transport)
                return


def _opens(request: Request) -> Long | None:
    """What a request would leave open. Like the SDK, it tells the protocols apart by the version alone."""
    headers = request.headers
    handshakes = headers.get("mcp-protocol-version", HANDSHAKE_PROTOCOL_VERSIONS[0]) in HANDSHAKE_PROTOCOL_VERSIONS
    if request.method == "POST" and handshakes and "mcp-session-id" not in headers:
        return "session"
    if request.method == "GET" or headers.get("mcp-method") == "subscriptions/listen":
        return "stream"
    return None


def in_our_words(scope: Scope, receive: Receive, send: Send) -> Send:
    """A `send` that turns the SDK's plain-text refusals into the error object, with their status."""
    held: Message | None = None

    async def send_on(message: Message) -> None:
        nonlocal held
        if message["type"] == "http.response.start" and message["status"] >= 400:
            headers = dict(message.get("headers", ()))
            if not headers.get(b"content-type", b"").startswith(b"application/json"):
                held = message
                return
        if held is None:
            await send(message)
        elif not message.get("more_body", False):
            status = held["status"]
            allow = {k.decode(): v.decode() for k, v in held.get("headers", ()) if k == b"allow"}
            said, hint = WORDS.get(status, ("The request was refused.", None))
            answer = refusal(status, said, scope["state"]["request_id"], hint=hint, headers=allow)
            await answer(scope, receive, send)

    return send_on
