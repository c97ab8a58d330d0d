"""The rows of the OpenAPI document that are not operations: the upload, the browser's JSON routes, what anyone may read."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel

from ampost_mcp.operations import BY_NAME
from ampost_mcp.schemas import AccountOut, KeyCreate, KeyCreated, KeysOut, PostOut, Success
from ampost_mcp.settings import PLATFORMS
from ampost_mcp.transports.dashboard.api import AuthUrl, ChoosePage, Login, OfAccount
from ampost_mcp.transports.dashboard.uploads import BOUNDS
from ampost_mcp.transports.json_schema import schema_of
from ampost_mcp.transports.meanings import explained

#: Who may ask, as OpenAPI's security requirements.
ANYONE: list[dict[str, list[str]]] = []
KEY: list[dict[str, list[str]]] = [{"apiKey": []}]
SESSION: list[dict[str, list[str]]] = [{"session": []}]
EITHER = [*KEY, *SESSION]
TEXT = {"type": "string"}


def _object(**properties: Any) -> dict[str, Any]:
    return {"type": "object", "properties": properties, "required": sorted(properties)}


USER = _object(id=TEXT, email=TEXT, tier={"type": "string", "enum": ["free", "pro", "max"]})
PAGE = _object(id=TEXT, name=TEXT, avatarUrl={"type": ["string", "null"]})
CHECKS = _object(status=TEXT, checks={"type": "object", "additionalProperties": _object(ok={"type": "boolean"}, found=TEXT)})


@dataclass(frozen=True)
class More:
    """A route. `answer` is a model, a JSON schema, or a media type; None for an answer without a body. `errors` are the
    statuses with an `Error`; 422 is that of a used `Idempotency-Key`, so a route with it takes one. `form` is the schema of
    a multipart body."""

    method: str
    path: str
    summary: str
    tag: str
    answer: type[BaseModel] | dict[str, Any] | str | None
    security: list[dict[str, list[str]]]
    errors: tuple[int, ...] = ()
    status: int = 200
    query: type[BaseModel] | None = None
    body: type[BaseModel] | None = None
    form: dict[str, Any] | None = None
    description: str = ""


def _upload() -> dict[str, Any]:
    """`data` is the body of posts_create."""
    data = explained(schema_of(BY_NAME["posts_create"].args))
    file = {"type": "string", "contentMediaType": "application/octet-stream"}
    files = {"type": "array", "items": file, "maxItems": BOUNDS.parts - 1, "description": "Become media, in this order."}
    return {"type": "object", "properties": {"data": data, "files": files}, "required": ["data"]}


ASKING = (400, 401, 403, 429, 500)
CREATING = (400, 401, 403, 409, 413, 422, 429, 500)
CHANGING = (400, 401, 403, 404, 413, 429, 500)
REACHING = (400, 401, 403, 404, 409, 413, 429, 500, 502)
KEYED = (*REACHING, 422)
AT = "/api/platforms/{platform}"

MORE: tuple[More, ...] = (
    More("POST", "/api/posts", "Create a post with files", "posts", PostOut, EITHER, CREATING, 201,
         form=_upload(), description="`data` is the body of `POST /api/v1/posts` as JSON, `content` nested or its members flat; "
         "`files` become its media. A file may have 200 MiB; its type is judged by its bytes.\n\n"
         "Limits: `createPost` and `mediaUpload`."),
    More("GET", "/media/{secret}/{filename}", "An uploaded file", "posts", "application/octet-stream", ANYONE, (404,)),
    More("POST", "/mcp", "MCP over Streamable HTTP", "mcp", "application/json", KEY, (400, 401, 403, 413, 429),
         description="JSON-RPC messages of the Model Context Protocol, answered as JSON or as events: use an MCP client."),
    More("GET", "/mcp", "A session's stream of events", "mcp", "text/event-stream", KEY, (400, 401, 404, 405)),
    More("DELETE", "/mcp", "End a session", "mcp", None, KEY, (400, 401, 404)),
    More("POST", "/api/auth/login", "Sign in", "sessions", _object(user=USER), ANYONE, (400, 401, 403, 413, 429, 500), body=Login,
         description="Sets the session's cookie."),
    More("POST", "/api/auth/logout", "Sign out", "sessions", Success, SESSION, (400, 401, 403, 413, 429, 500)),
    More("GET", "/api/keys", "List API keys", "keys", KeysOut, SESSION, ASKING),
    More("POST", "/api/keys", "Create an API key", "keys", KeyCreated, SESSION, CREATING, 201,
         body=KeyCreate, description="The raw key is in this answer only."),
    More("DELETE", "/api/keys/{id}", "Revoke an API key", "keys", Success, SESSION, (400, 401, 403, 404, 429, 500)),
    More("GET", f"{AT}/auth-url", "Begin to connect an account", "connections", _object(url=TEXT), SESSION, CHANGING,
         query=AuthUrl, description="Send the browser to `url`; it comes back to `returnTo`."),
    More("GET", f"{AT}/callback", "The platform sends the browser back here", "connections", None, SESSION,
         (400, 401, 403, 429, 502), 303, description="Redirects to `returnTo` with `connected=ACCOUNT_ID`."),
    More("POST", f"{AT}/refresh", "Refresh an account's token", "connections", AccountOut, SESSION, KEYED, body=OfAccount),
    More("DELETE", f"{AT}/disconnect", "Disconnect an account", "connections", Success, SESSION, CHANGING, query=OfAccount),
    More("GET", f"{AT}/pages", "Pages that an account may publish as", "connections",
         _object(pages={"type": "array", "items": PAGE}), SESSION, REACHING, query=OfAccount),
    More("POST", f"{AT}/pages", "Choose the page to publish as", "connections", AccountOut, SESSION, KEYED, body=ChoosePage),
    More("GET", "/llm.txt", "The reference for agents", "server", "text/plain", ANYONE),
    More("GET", "/llms.txt", "The reference for agents, by its other name", "server", "text/plain", ANYONE),
    More("GET", "/openapi.json", "This document", "server", {"type": "object"}, ANYONE),
    More("GET", "/docs", "This document as a page", "server", "text/html", ANYONE),
    More("GET", "/healthz", "Whether the process is alive", "server", _object(status=TEXT, version=TEXT), ANYONE),
    More("GET", "/readyz", "Whether database, schema and publisher are ready", "server", CHECKS, ANYONE,
         description="503 with the same body when not."),
    More("GET", "/metrics", "Prometheus metrics", "server", "text/plain", ANYONE),
)  # fmt: skip

#: Names in paths -> their schema.
IN_PATH: dict[str, dict[str, Any]] = {"platform": {"type": "string", "enum": list(PLATFORMS)}}


def results() -> set[type[BaseModel]]:
    """The models that answers refer to."""
    return {row.answer for row in MORE if isinstance(row.answer, type)}


def parameters(row: More, in_path: list[str]) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = [
        {"name": name, "in": "path", "required": True, "schema": IN_PATH.get(name, TEXT)} for name in in_path
    ]
    schema = schema_of(row.query) if row.query else {}
    for name, sub in schema.get("properties", {}).items():
        found.append({"name": name, "in": "query", "required": name in schema.get("required", ()), "schema": sub})
    return found


def body(row: More) -> dict[str, Any] | None:
    if row.form:
        encoding = {"data": {"contentType": "application/json"}}
        return {"required": True, "content": {"multipart/form-data": {"schema": row.form, "encoding": encoding}}}
    if row.path == "/mcp" and row.method == "POST":
        return {"required": True, "content": {"application/json": {"schema": {"type": "object"}}}}
    return {"required": True, "content": {"application/json": {"schema": schema_of(row.body)}}} if row.body else None


def success(row: More) -> dict[str, Any]:
    """The answer of a call that worked."""
    if row.answer is None:
        return {"description": "Done."}
    if isinstance(row.answer, str):
        return {"description": "Done.", "content": {row.answer: {"schema": TEXT}}}
    schema = row.answer if isinstance(row.answer, dict) else {"$ref": f"#/components/schemas/{row.answer.__name__}"}
    return {"description": "Done.", "content": {"application/json": {"schema": schema}}}
