"""OAuth pages that every simulated platform shares: consent in the browser, and codes that are good once."""

from __future__ import annotations

import base64
import hashlib
from html import escape
from urllib.parse import urlencode

from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from brokers.sandbox.world import Handler, Token, World

CODE_LIFE = 600


def consent(platform: str, *, client_id: str = "client_id", separator: str = " ") -> Handler:
    """The authorize endpoint. GET shows the accounts to choose from; `&choose=N` (a link on the page; tests add it
    themselves) grants at once, `&choose=deny` refuses. Missing parameters are refused as a page, as platforms do."""

    async def handler(world: World, request: Request) -> Response:
        query = dict(request.query_params)
        needed = (client_id, "redirect_uri", "state", "scope", "response_type")
        missing = [name for name in needed if not query.get(name)]
        if missing or query["response_type"] != "code":
            return HTMLResponse(f"Bad request: {escape(', '.join(missing) or 'response_type')}", 400)
        choice = query.pop("choose", None)
        if choice is None:
            links = "".join(
                f'<li><a href="?{escape(urlencode({**query, "choose": n}))}">{escape(world.identity(platform, n).name)}</a>'
                for n in range(3)
            )
            deny = f'<a href="?{escape(urlencode({**query, "choose": "deny"}))}">Deny</a>'
            return HTMLResponse(f"<!doctype html><h1>{platform}: allow access?</h1><ul>{links}</ul>{deny}")
        answer = {"state": query["state"]}
        if choice == "deny":
            answer |= {"error": "access_denied", "error_description": "The user denied access."}
        else:
            scopes = [s for s in query["scope"].split(separator) if s]
            answer["code"] = world.issue(
                platform, world.identity(platform, int(choice)).id, "code", scopes, CODE_LIFE,
                client_id=query[client_id], redirect_uri=query["redirect_uri"],
                challenge=query.get("code_challenge"), method=query.get("code_challenge_method", "plain"),
            )  # fmt: skip
        return RedirectResponse(f"{query['redirect_uri']}?{urlencode(answer)}", 302)

    return handler


def redeem(
    world: World, platform: str, code: str | None, client_id: str | None, redirect_uri: str | None, verifier: str | None
) -> Token | None:
    """Uses a code up: its token when client, redirect URI and PKCE verifier fit, else None. A second use revokes all
    that the first one granted."""
    token = world.token(platform, code, "code")
    if token is None or code is None:
        return None
    if token.extra.get("used"):
        world.revoke_family(token.family)
        return None
    token.extra["used"] = True
    challenge = token.extra["challenge"]
    if challenge and token.extra["method"] == "S256":
        digest = hashlib.sha256((verifier or "").encode()).digest()
        verifier = base64.urlsafe_b64encode(digest).decode().rstrip("=")
    fits = token.extra["client_id"] == client_id and token.extra["redirect_uri"] == redirect_uri
    return token if fits and (challenge or None) == (verifier if challenge else None) else None
