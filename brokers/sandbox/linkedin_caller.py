"""Who calls LinkedIn on the simulator, the headers every call needs, and LinkedIn's refusals."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any, NoReturn

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from brokers.sandbox.world import Identity, SimRefusal, World

#: The months that are served; an older one has been retired, a newer one does not exist yet.
VERSIONS = range(202512, 202612)
#: Status, headers and body of an error.
Example = tuple[int, dict[str, str], Any]


def error(status: int, message: str, code: str | None = None, **more: Any) -> Example:
    body = {"message": message, "status": status, **more}
    return status, {}, body | ({"code": code} if code else {})


def input_error(status: int, code: str, description: str) -> Example:
    details = {"inputErrors": [{"code": code, "description": description}]}
    return error(status, description, None, errorDetails=details, errorDetailType="BadRequestErrorDetail")


def refuse(example: Example) -> NoReturn:
    status, headers, body = example
    raise SimRefusal(JSONResponse(body, status, headers))


def refusal(fault: str, retry_after: float) -> Response:
    """The answers to faults that every platform knows."""
    if fault == "rate_limit":
        body = {"message": "Resource level throttle MEMBER limit reached", "status": 429}
        return JSONResponse(body, 429, {"retry-after": str(int(retry_after))})
    if fault == "expired_token":
        status, _, body = errors()["65602"]
        return JSONResponse(body, status)
    if fault == "refuse":
        status, _, body = errors()["ACCESS_DENIED"]
        return JSONResponse(body, status)
    return JSONResponse({"message": "Internal Server Error", "status": 500}, 500)


def caller(world: World, request: Request, scope: str) -> Identity:
    """The member of the Bearer token, when it is good and was granted this scope."""
    scheme, _, value = request.headers.get("authorization", "").partition(" ")
    known = world.tokens.get(value)
    token = world.token("linkedin", value) if scheme == "Bearer" else None
    if token is None:
        refuse(errors()["65602" if known and known.platform == "linkedin" else "65600"])
    if "*" not in token.scopes and scope not in token.scopes:
        refuse(error(403, f"Not enough permissions to access: {scope}", "ACCESS_DENIED", serviceErrorCode=100))
    return world.identities["linkedin", token.identity]


def member(world: World, request: Request) -> Identity:
    """The caller of a versioned REST endpoint."""
    version = request.headers.get("linkedin-version", "")
    if not version:
        refuse(errors()["VERSION_MISSING"])
    month = re.fullmatch(r"([0-9]{4}(?:0[1-9]|1[0-2]))(?:\.[0-9]{2})?", version)
    if not month or int(month[1]) not in VERSIONS:
        refuse(error(426, f"Requested version {version} is not active", "NONEXISTENT_VERSION"))
    if request.headers.get("x-restli-protocol-version") != "2.0.0":
        refuse(error(400, "X-RestLi-Protocol-Version must be 2.0.0", "INVALID_PROTOCOL_VERSION"))
    return caller(world, request, "w_member_social")


async def body_of(request: Request) -> dict[str, Any]:
    if not request.headers.get("content-type", "").startswith("application/json"):
        refuse(error(415, "Content-Type must be application/json", "UNSUPPORTED_MEDIA_TYPE"))
    try:
        asked = json.loads(await request.body())
    except ValueError:
        asked = None
    if not isinstance(asked, dict):
        refuse(error(400, "The body is not a JSON object", "INVALID_JSON"))
    return asked


def fields(path: str, given: Any, known: Mapping[str, type], required: tuple[str, ...]) -> dict[str, Any]:
    """An object whose fields are all known, of their type, and complete."""
    if not isinstance(given, dict):
        refuse(input_error(400, "INVALID_TYPE", f"{path} must be an object"))
    for name, value in given.items():
        if name not in known:
            refuse(input_error(422, "UNPERMITTED_FIELD", f"{path}/{name} :: unrecognized field found but not allowed"))
        # A boolean is an integer to Python, and to nobody else.
        if type(value) is not known[name]:
            refuse(input_error(400, "INVALID_TYPE", f"{path}/{name} has the wrong type"))
    for name in required:
        if name not in given:
            refuse(input_error(400, "MISSING_FIELD", f"{path}/{name} :: field is required but not found"))
    return given


def errors() -> dict[str, Example]:
    """Each documented error as (status, headers, body), by the name of the broker's row."""
    no_code = "Not enough permissions to access: partnerApiPosts"
    oauth = {
        "invalid_grant": (400, "The provided authorization grant is invalid."),
        "invalid_request": (400, "The refresh token is invalid, expired or revoked."),
        "invalid_client": (401, "Client authentication failed"),
        "unauthorized_client": (400, "The client is not authorized."),
        "invalid_redirect_uri": (401, "Unable to retrieve access token: appid/redirect uri does not match."),
    }
    return {
        "65600": error(401, "Invalid access token", serviceErrorCode=65600),
        "65601": error(401, "The token used in the request has been revoked by the user", serviceErrorCode=65601),
        "REVOKED_ACCESS_TOKEN": error(401, "The token has been revoked", "REVOKED_ACCESS_TOKEN"),
        "65602": error(401, "The token used in the request has expired", serviceErrorCode=65602),
        "EXPIRED_ACCESS_TOKEN": error(401, "The token has expired", "EXPIRED_ACCESS_TOKEN"),
        "401": error(401, "Unauthorized"),
        "100": error(403, no_code, serviceErrorCode=100),
        "ACCESS_DENIED": error(403, no_code, "ACCESS_DENIED"),
        "403": error(403, "Forbidden"),
        "DUPLICATE_POST": input_error(422, "DUPLICATE_POST", "Content is a duplicate of urn:li:share:70000001"),
        "FIELD_LENGTH_TOO_LONG": input_error(400, "FIELD_LENGTH_TOO_LONG", "commentary is longer than 3000"),
        "INVALID_URN_TYPE": input_error(400, "INVALID_URN_TYPE", "author must be a person or an organization"),
        "INVALID_URN_ID": input_error(400, "INVALID_URN_ID", "author has no valid id"),
        "MISSING_FIELD": input_error(400, "MISSING_FIELD", "/commentary :: field is required but not found"),
        "UNPERMITTED_FIELD": input_error(422, "UNPERMITTED_FIELD", "/x :: unrecognized field found but not allowed"),
        "INVALID_CONTENT_OWNERSHIP": input_error(400, "INVALID_CONTENT_OWNERSHIP", "The media are not the author's"),
        "MEDIA_ASSET_WAITING_UPLOAD": input_error(400, "MEDIA_ASSET_WAITING_UPLOAD", "The media are not uploaded yet"),
        "MEDIA_ASSET_PROCESSING_FAILED": input_error(400, "MEDIA_ASSET_PROCESSING_FAILED", "The media cannot be used"),
        "400": error(400, "Bad Request"),
        "422": error(422, "Unprocessable Entity"),
        "NONEXISTENT_VERSION": error(426, "Requested version 20240101 is not active", "NONEXISTENT_VERSION"),
        "VERSION_MISSING": error(400, "A version must be present.", "VERSION_MISSING"),
        "426": error(426, "Upgrade Required"),
        "404": error(404, "Not Found"),
        "CONFLICT": error(409, "Conflict", "CONFLICT"),
        "409": error(409, "Conflict"),
        "429": error(429, "Resource level throttle MEMBER DAY limit for calls to this resource is reached."),
    } | {name: (status, {}, {"error": name, "error_description": said}) for name, (status, said) in oauth.items()}
