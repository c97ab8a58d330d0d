"""Connecting accounts: the way to the platform's consent page and back, or with tokens that are at hand."""

from __future__ import annotations

import base64
import hashlib
import re
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any
from urllib.parse import urlencode, urlsplit

import structlog
from sqlmodel import Session

from ampost_mcp.context import App, Caller
from ampost_mcp.errors import AppError
from ampost_mcp.services import tokens
from brokers.base import Broker, Profile
from brokers.errors import BrokerCode, NotSent, PlatformError, Unclear
from brokers.oauth import Client, Tokens
from brokers.platform_http import rewrite
from storage import accounts as account_rows
from storage import oauth_states, platform_sets
from storage.tables import Account, OAuthState

log = structlog.get_logger("ampost.connections")

STATE_LIFE = timedelta(minutes=10)
LONGEST_RETURN = 500
AGAIN = "Begin again at /accounts."
_LOG_IN = "Log in to the account on {title} itself and do what it asks for, then "
#: What to do when a platform does not hand out tokens or a profile, by the kind of its error; the first for the others.
IN_BROWSER: dict[str, str] = {
    "auth": AGAIN, "identity": _LOG_IN + "begin again at /accounts.",
    **dict.fromkeys(("quota", "transient"), "Wait a while, then begin again at /accounts."),
}  # fmt: skip
WITH_TOKEN: dict[str, str] = {
    "auth": "Get a new token from {title} and give that.", "identity": _LOG_IN + "give a new token.",
    "quota": "Wait a while, then connect with the token again.",
    "transient": "Check the network, then connect with the token again.",
}  # fmt: skip
#: A path on this server: one slash, and nothing that a browser would read as another host.
_RETURN_TO = re.compile(r"/(?![/\\])[\x21-\x5b\x5d-\x7e]*")


@dataclass(frozen=True)
class Connected:
    """A finished connection: where the browser goes next, and which account it was."""

    return_to: str
    account_id: str


def broker_of(app: App, platform: str) -> Broker:
    """Raises NOT_FOUND for a platform that there is not."""
    if platform not in app.brokers:
        raise AppError("NOT_FOUND", "There is no such platform.", f"Known are {', '.join(app.brokers)}.")
    return app.brokers[platform]


async def auth_url(app: App, caller: Caller, platform: str, platform_set_id: str, return_to: str) -> str:
    """Where the browser goes to connect an account of `platform` to the set.

    Raises NOT_FOUND, PLATFORM_SET_NOT_FOUND, VALIDATION_FAILED, or BROKER_ERROR (INVALID_CONFIG) without a client
    registration.
    """
    broker = broker_of(app, platform)
    client = _client(app, broker)
    _check_return_to(return_to)
    state, verifier = secrets.token_urlsafe(32), secrets.token_urlsafe(48) if broker.oauth.pkce else None
    await app.db.write(_begin, app, caller, client, platform, platform_set_id, return_to, state, verifier)
    url = f"{broker.oauth.authorize_url}?{urlencode(_authorize_params(broker, client, state, verifier))}"
    return rewrite(url, app.settings.platforms_url) if app.settings.sandbox else url


async def finish(app: App, caller: Caller, platform: str, query: Mapping[str, str]) -> Connected:
    """Ends a connection with what the platform sent the browser back with.

    Raises VALIDATION_FAILED without state or code, FORBIDDEN for a state that is not this browser's, used or too old,
    and for a refusal by the user, BROKER_ERROR when the platform does not hand out tokens or a profile.
    """
    broker = broker_of(app, platform)
    given = query.get("state")
    if not given:
        raise _missing("state")
    state = await app.db.write(
        oauth_states.take, caller.user_id, caller.session_id or "", _hash(given), app.clock()
    )  # fmt: skip
    if state is None or state.platform != platform or not _is_issuer(broker, query.get("iss")):
        raise AppError("FORBIDDEN", "This connection was not begun here, or it is too old.", AGAIN)
    if said := query.get("error"):
        word = re.sub(r"[^\w-]", "", said)[:50]
        raise AppError("FORBIDDEN", f"{broker.title} did not grant access: {word}.", AGAIN)
    if not query.get("code"):
        raise _missing("code")
    verifier = app.keyring.open(state.verifier, caller.user_id, _hash(given), "verifier") if state.verifier else None
    client = replace(_client(app, broker), redirect_uri=state.redirect_uri)
    granted = await _exchange(app, broker, client, query["code"], verifier)
    profile = (await profiles_of(app, broker, granted.access_token))[0]
    id = await _connect(app, caller.user_id, state.platform_set_id, broker, granted, profile)
    return Connected(state.return_to, id)


async def connect_with_token(
    app: App, user_id: str, set_id: str, platform: str, access_token: str, refresh_token: str | None,
    expires_in: float | None, platform_account_id: str | None = None, username: str | None = None,
) -> str:  # fmt: skip
    """Connects an account whose tokens are at hand; its id. Asks the platform for the profile unless both
    `platform_account_id` and `username` are given. Raises like `finish`, and VALIDATION_FAILED for an id that the login
    does not have."""
    broker = broker_of(app, platform)
    granted = Tokens(access_token, refresh_token or None, expires_in)
    if platform_account_id and username:
        profile = Profile(platform_account_id, username)
    else:
        profile = _chosen(broker, await profiles_of(app, broker, access_token, WITH_TOKEN), platform_account_id)
        profile = replace(profile, username=username or profile.username)
    return await _connect(app, user_id, set_id, broker, granted, profile)


def _begin(
    session: Session, app: App, caller: Caller, client: Client, platform: str, set_id: str, return_to: str, state: str,
    verifier: str | None,
) -> None:  # fmt: skip
    _check_set(session, caller.user_id, set_id)
    now, hashed = app.clock(), _hash(state)
    sealed = app.keyring.seal(verifier, caller.user_id, hashed, "verifier") if verifier else None
    row = OAuthState(
        state_hash=hashed, user_id=caller.user_id, session=caller.session_id or "", platform=platform,
        platform_set_id=set_id, verifier=sealed, redirect_uri=client.redirect_uri, return_to=return_to, created_at=now,
        expires_at=now + STATE_LIFE,
    )  # fmt: skip
    oauth_states.add(session, row, now)


def _authorize_params(broker: Broker, client: Client, state: str, verifier: str | None) -> dict[str, str]:
    oauth = broker.oauth
    params = {
        "response_type": "code", oauth.client_id_param: client.client_id, "redirect_uri": client.redirect_uri,
        "scope": oauth.scope_separator.join(oauth.scopes), "state": state, **oauth.authorize_params,
    }  # fmt: skip
    if verifier is not None:
        digest = hashlib.sha256(verifier.encode()).digest()
        challenge = base64.urlsafe_b64encode(digest).decode().rstrip("=")
        params |= {"code_challenge": challenge, "code_challenge_method": "S256"}
    return params


async def _exchange(app: App, broker: Broker, client: Client, code: str, verifier: str | None) -> Tokens:
    try:
        return await broker.oauth.exchange(tokens.api_for(app, broker), client, code, verifier)
    except (PlatformError, NotSent, Unclear) as error:
        raise broken(broker, error, "TOKEN_EXCHANGE_FAILED") from error


async def profiles_of(
    app: App, broker: Broker, access_token: str, mend: Mapping[str, str] = IN_BROWSER
) -> list[Profile]:  # fmt: skip
    try:
        found = await broker.profile(tokens.api_for(app, broker), access_token)
    except (PlatformError, NotSent, Unclear) as error:
        raise broken(broker, error, "PROFILE_FETCH_FAILED", mend) from error
    if not found:
        nothing = PlatformError(f"The {broker.title} login has nothing to publish as.")
        raise broken(broker, nothing, "PROFILE_FETCH_FAILED", mend)
    return found


def _chosen(broker: Broker, profiles: list[Profile], id: str | None) -> Profile:
    """The profile with this id, the first without one."""
    found = [profile for profile in profiles if id in (None, profile.platform_account_id)]
    if found:
        return found[0]
    shown = [f"{profile.platform_account_id} ({profile.display_name or profile.username})" for profile in profiles]
    raise AppError(
        "VALIDATION_FAILED", f"The {broker.title} login has no account with the id {id}; it has {', '.join(shown)}.",
        "Give one of these ids, or none for the first.", [{"code": "VALIDATION_FAILED", "field": "platformAccountId"}],
    )  # fmt: skip


async def _connect(
    app: App, user_id: str, set_id: str, broker: Broker, granted: Tokens, profile: Profile
) -> str:  # fmt: skip
    """Stores the connection in place of the set's former one of the platform."""
    if granted.scopes is None:  # RFC 6749, 5.1: as requested
        granted = replace(granted, scopes=broker.oauth.scopes)
    if profile.access_token:
        # The narrower token publishes; the one that was granted can still list the identities.
        kept = granted.refresh_token or granted.access_token
        granted = replace(granted, access_token=profile.access_token, refresh_token=kept, expires_in=None)

    def columns(account_id: str) -> dict[str, Any]:
        row = Account(id=account_id, user_id=user_id, platform=broker.key, platform_account_id=profile.platform_account_id)
        none = {"refresh_token": None, "refresh_expires_at": None, "last_refreshed_at": None}
        return none | identity(profile) | tokens.seal(app, row, granted)

    def store(session: Session) -> str:
        _check_set(session, user_id, set_id)
        return account_rows.connect(
            session, user_id, set_id, broker.key, profile.platform_account_id, columns, app.clock()
        )  # fmt: skip

    id = await app.db.write(store)
    log.info("connection.made", platform=broker.key, account=id, user=user_id)
    return id


def identity(profile: Profile) -> dict[str, Any]:
    return {
        "username": profile.username, "display_name": profile.display_name, "avatar_url": profile.avatar_url,
        "details": dict(profile.metadata),
    }  # fmt: skip


def _check_set(session: Session, user_id: str, set_id: str) -> None:
    if not platform_sets.exists(session, user_id, set_id):
        raise AppError("PLATFORM_SET_NOT_FOUND", "No platform set has this id.", "platform_sets_list shows yours.")


def _client(app: App, broker: Broker) -> Client:
    client = tokens.client_for(app, broker.key)
    if client is None:
        name = broker.key.upper()
        raise broken(broker, PlatformError(
            f"The server has no client registration for {broker.title}.",
            hint=f"Whoever runs the server must set {name}_CLIENT_ID and {name}_CLIENT_SECRET.",
        ), "INVALID_CONFIG")  # fmt: skip
    return client


def _check_return_to(return_to: str) -> None:
    if len(return_to) > LONGEST_RETURN or not _RETURN_TO.fullmatch(return_to):
        raise AppError(
            "VALIDATION_FAILED", "returnTo is not a path on this server.", "Send a path such as /accounts.",
            [{"code": "VALIDATION_FAILED", "field": "returnTo"}],
        )  # fmt: skip


def _missing(name: str) -> AppError:
    return AppError(
        "VALIDATION_FAILED", f"The parameter {name} is missing.", AGAIN,
        [{"code": "VALIDATION_FAILED", "field": name}],
    )  # fmt: skip


def _is_issuer(broker: Broker, said: str | None) -> bool:
    """RFC 9207: an answer that names its issuer must come from the platform that was asked."""
    if said is None:
        return True
    parts = urlsplit(said)
    return parts.scheme == "https" and parts.hostname == urlsplit(broker.oauth.authorize_url).hostname


def broken(broker: Broker, error: Exception, code: BrokerCode, mend: Mapping[str, str] = IN_BROWSER) -> AppError:
    """What a platform's failure is to the person who connects. The hints that a broker's table has for the platform's
    answers are about posts, except where the server's set-up is at fault."""
    if isinstance(error, PlatformError):
        kind, message = error.kind, error.message
        hint = error.hint if error.status is None or kind == "config" else None
    else:
        kind, message, hint = "transient", f"{broker.title} could not be reached or did not answer properly.", None
    hint = hint or mend.get(kind, mend["auth"]).format(title=broker.title)
    detail = {"code": "BROKER_ERROR", "brokerCode": code, "platform": broker.key, "message": message}
    return AppError("BROKER_ERROR", message, hint, [detail])


def _hash(value: str) -> str:
    return hashlib.sha256(value.encode()).hexdigest()
