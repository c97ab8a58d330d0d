"""A person at a simulated platform's consent page."""

from __future__ import annotations

import base64
import hashlib
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

from brokers.base import Broker
from brokers.oauth import Client, Tokens
from brokers.platform_http import PlatformHttp, new_client, rewrite
from tests.brokers.bench import Simulator

VERIFIER = "v" * 64
PKCE = {
    "code_challenge": base64.urlsafe_b64encode(hashlib.sha256(VERIFIER.encode()).digest()).decode().rstrip("="),
    "code_challenge_method": "S256",
}


async def consent(broker: Broker, simulator: Simulator, client: Client, **changes: Any) -> dict[str, str]:
    """The query that the browser comes back with after the person chose the second account; `choose="deny"` for none."""
    oauth = broker.oauth
    asked = {
        oauth.client_id_param: client.client_id, "redirect_uri": client.redirect_uri, "state": "s", "response_type": "code",
        "scope": oauth.scope_separator.join(oauth.scopes), "choose": 1, **oauth.authorize_params,
        **(PKCE if oauth.pkce else {}), **changes,
    }  # fmt: skip
    async with new_client() as http:
        answer = await http.get(f"{rewrite(oauth.authorize_url, simulator.root)}?{urlencode(asked)}")
    assert answer.status_code == 302, answer.text
    return {name: values[0] for name, values in parse_qs(urlsplit(answer.headers["location"]).query).items()}


async def grant(broker: Broker, simulator: Simulator, api: PlatformHttp, client: Client, **changes: Any) -> Tokens:
    """The tokens that the consent brings."""
    code = (await consent(broker, simulator, client, **changes))["code"]
    return await broker.oauth.exchange(api, client, code, VERIFIER if broker.oauth.pkce else None)
