"""OAuth 2.0 authorization code flows of the platforms, as data plus the few calls that differ."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from brokers.platform_http import PlatformHttp


@dataclass(frozen=True)
class Client:
    """This server's registration at a platform."""

    client_id: str
    client_secret: str = field(repr=False)
    redirect_uri: str


@dataclass(frozen=True)
class Tokens:
    """Tokens as a platform granted them. Lifetimes are in seconds from now, None where it names none."""

    access_token: str = field(repr=False)
    refresh_token: str | None = field(default=None, repr=False)
    expires_in: float | None = None
    refresh_expires_in: float | None = None
    scopes: tuple[str, ...] | None = None
    extra: dict[str, Any] = field(default_factory=dict, repr=False)


#: (api, client, code, PKCE verifier or None) -> tokens, already exchanged for long-lived ones where the platform has them.
Exchange = Callable[["PlatformHttp", Client, str, str | None], Awaitable[Tokens]]
#: (api, client, access token, refresh token or None) -> new tokens. Raises PlatformError(kind="auth") on `invalid_grant`.
Refresh = Callable[["PlatformHttp", Client, str, str | None], Awaitable[Tokens]]
#: (api, client, access token, refresh token or None): tells the platform to forget us, best effort.
Revoke = Callable[["PlatformHttp", Client, str, str | None], Awaitable[None]]


@dataclass(frozen=True)
class OAuth:
    """How an account is connected.

    authorize_url:   where the browser goes; `authorize_params` are added to the standard ones.
    client_id_param: the name of the client id in that address (TikTok: `client_key`).
    scope_separator: a space, or a comma for Meta and TikTok.
    pkce:            None or "S256".
    rotates:         the refresh token is used up by a refresh: a lost answer means reconnecting.
    refreshes_access_token: the access token itself is what gets refreshed (Threads, Instagram): no refresh token.
    refresh_before:  seconds before expiry at which a refresh is due.
    """

    authorize_url: str
    scopes: tuple[str, ...]
    exchange: Exchange
    refresh: Refresh | None = None
    revoke: Revoke | None = None
    authorize_params: dict[str, str] = field(default_factory=dict)
    client_id_param: str = "client_id"
    scope_separator: str = " "
    pkce: str | None = None
    rotates: bool = False
    refreshes_access_token: bool = False
    refresh_before: float = 300
