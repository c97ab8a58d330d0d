"""Who calls X on the simulator, and what they sent."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

from starlette.requests import Request

from brokers.sandbox.twitter_problems import invalid, refuse
from brokers.sandbox.world import Identity, World


def caller(world: World, request: Request, *scopes: str) -> Identity:
    """The account of the Bearer token, when it is good and was granted these scopes."""
    scheme, _, value = request.headers.get("authorization", "").partition(" ")
    token = world.token("twitter", value) if scheme == "Bearer" else None
    if token is None:
        refuse(401, "Unauthorized", "Unauthorized")
    if "*" not in token.scopes and not set(scopes) <= set(token.scopes):
        refuse(403, "Forbidden", "Forbidden")
    return world.identities["twitter", token.identity]


async def body_of(request: Request, fields: Mapping[str, type]) -> dict[str, Any]:
    """The JSON body; a field that is unknown or has another type is refused."""
    if not request.headers.get("content-type", "").startswith("application/json"):
        refuse(415, "Unsupported Media Type", "The body must be application/json.")
    try:
        asked = json.loads(await request.body())
    except ValueError:
        invalid("body", "...", "The body is not JSON.")
    if not isinstance(asked, dict):
        invalid("body", "...", "The body must be an object.")
    for name, value in asked.items():
        # A boolean is an integer to Python, and to nobody else.
        if type(value) is not fields.get(name):
            invalid(name, value, f"{name} is unknown or has the wrong type")
    return asked


def is_id(value: Any) -> bool:
    return isinstance(value, str) and re.fullmatch(r"[0-9]{1,19}", value) is not None
