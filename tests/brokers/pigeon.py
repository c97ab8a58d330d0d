"""Pigeon, a platform that does not exist, added the way `brokers/README.md` says: broker and part of the simulator.

The code blocks of that page are this file's. A real platform has a file for each section.
"""

from __future__ import annotations

from datetime import date
from typing import Any, Literal

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from brokers.accepts import Accepts, Kind, Limits, TextLimit
from brokers.base import NOT_SEEN, Account, Attempt, Broker, Draft, Media, Profile, Receipt, Sighting, Steps
from brokers.errors import ErrorRow, PlatformError, Reply, Unclear, from_row
from brokers.oauth import Client, OAuth, Tokens
from brokers.platform_http import PlatformHttp
from brokers.platform_settings import PlatformSettings, settings_of
from brokers.sandbox.app import post_page
from brokers.sandbox.consent import consent, redeem
from brokers.sandbox.world import Identity, Part, SimRefusal, SimRoute, World

# -- brokers/pigeon/accepts.py


class Settings(PlatformSettings):
    """`audience`: everyone when left out."""

    audience: Literal["everyone", "neighbours"] = "everyone"


ACCEPTS = Accepts(
    platform="pigeon",
    title="Pigeon",
    source="https://pigeon.example/docs/notes",
    read=date(2026, 11, 22),
    texts=(TextLimit("text", 140),),
    kinds={"image": Kind(("image/jpeg", "image/png"), 1, Limits(max_bytes=1_000_000))},
    settings=Settings,
    text_only=True,
    schedules=True,
    link=False,
)

# -- brokers/pigeon/errors.py

ROWS: dict[str, ErrorRow] = {
    "bad_token": ErrorRow("auth", "Connect the account again.", broker_code="AUTH_EXPIRED"),
    "not_a_picture": ErrorRow("content", "Send a JPEG or PNG file.", code="MEDIA_UPLOAD_FAILED", broker_code=None),
    "refused": ErrorRow("content", "Change the text, then post again."),
    "slow_down": ErrorRow("quota"),
}


def read_error(reply: Reply) -> PlatformError | None:
    """Pigeon refuses with `{"error": name, "message": words}`."""
    said = reply.body if isinstance(reply.body, dict) else {}
    row = ROWS.get(str(said.get("error")))
    return from_row(row, reply, f"Pigeon: {said.get('message')}", said["error"]) if row else None


# -- brokers/pigeon/publish.py

API = "https://api.pigeon.example"


async def publish(api: PlatformHttp, account: Account, draft: Draft, steps: Steps) -> Receipt:
    """Uploads the picture if there is one, then sends the one request that makes the note public."""
    note: dict[str, Any] = {"text": ACCEPTS.compose(draft), "audience": settings_of(draft, Settings).audience}
    if draft.media:
        note["picture"] = await steps.upload("picture", lambda: upload(api, account, draft.media[0]))
    sent = await steps.publish("note", lambda fresh: send(fresh, account, note))
    return Receipt(sent["id"], api.link(sent["url"]))


async def upload(api: PlatformHttp, account: Account, media: Media) -> str:
    file = await media.file()
    headers = {"content-type": file.mime_type}
    reply = await api.request(
        "POST", f"{API}/pictures", content=file.path.read_bytes(), headers=headers, token=account.access_token
    )
    return str(member(reply, "id"))


async def send(fresh: PlatformHttp, account: Account, note: dict[str, Any]) -> dict[str, str]:
    reply = await fresh.request("POST", f"{API}/notes", json_body=note, token=account.access_token)
    return {"id": str(member(reply, "id")), "url": str(member(reply, "url"))}


async def find(api: PlatformHttp, account: Account, draft: Draft, attempt: Attempt) -> Sighting:
    """Looks for the note in the account's own list: this text, not older than the attempt, and of no other post."""
    reply = await api.request("GET", f"{API}/notes", token=account.access_token)
    for note in member(reply, "notes"):
        is_new = note["at"] >= attempt.started_at.timestamp() - 1 and note["id"] not in attempt.taken
        if is_new and note["text"] == ACCEPTS.compose(draft):
            return Sighting("published", Receipt(note["id"], api.link(note["url"])))
    return NOT_SEEN


def member(reply: Reply, name: str) -> Any:
    """A member of an answer. An answer without it proves nothing: the request may have had its effect."""
    if not isinstance(reply.body, dict) or name not in reply.body:
        raise Unclear(f"an answer without {name}")
    return reply.body[name]


# -- brokers/pigeon/oauth.py


async def exchange(api: PlatformHttp, client: Client, code: str, verifier: str | None) -> Tokens:
    form = {
        "grant_type": "authorization_code", "client_id": client.client_id, "client_secret": client.client_secret,
        "code": code, "redirect_uri": client.redirect_uri, "code_verifier": verifier,
    }  # fmt: skip
    reply = await api.request("POST", f"{API}/token", form=form, secret=True)
    return Tokens(str(member(reply, "access_token")), expires_in=reply.body.get("expires_in"))


async def profile(api: PlatformHttp, access_token: str) -> list[Profile]:
    reply = await api.request("GET", f"{API}/me", token=access_token)
    return [Profile(str(member(reply, "id")), reply.body.get("name"), reply.body.get("fullName"))]


OAUTH = OAuth("https://pigeon.example/authorize", scopes=("notes",), exchange=exchange, pkce="S256")

# -- brokers/pigeon/__init__.py

BROKER = Broker(
    key="pigeon",
    title="Pigeon",
    accepts=ACCEPTS,
    read_error=read_error,
    publish=publish,
    find=find,
    profile=profile,
    oauth=OAUTH,
    hosts=("api.pigeon.example",),
)

# -- brokers/sandbox/pigeon.py

STATUS = {"bad_token": 401, "slow_down": 429}


def refuse(name: str) -> Response:
    return JSONResponse({"error": name, "message": name.replace("_", " ")}, STATUS.get(name, 400))


def refusal(fault: str, retry_after: float) -> Response:
    """The faults that can be armed, in the platform's own shape."""
    if fault in ("error_before", "error_after"):
        return JSONResponse({"error": "oops"}, 500)
    answer = refuse({"rate_limit": "slow_down", "expired_token": "bad_token"}.get(fault, "refused"))
    answer.headers["retry-after"] = str(round(retry_after))
    return answer


def identity(number: int) -> Identity:
    return Identity("pigeon", f"coop-{number}", f"pigeon_{number}", f"Pigeon Number {number}")


def caller(world: World, request: Request) -> str:
    token = world.token("pigeon", request.headers.get("authorization", "").removeprefix("Bearer "))
    if token is None:
        raise SimRefusal(refuse("bad_token"))
    return token.identity


async def take_picture(world: World, request: Request) -> Response:
    who, content = caller(world, request), await request.body()
    if not content.startswith((b"\xff\xd8\xff", b"\x89PNG")):
        raise SimRefusal(refuse("not_a_picture"))
    picture = world.new_id()
    world.objects[picture] = {"owner": who, "size": len(content), "mimeType": request.headers["content-type"]}
    return JSONResponse({"id": picture})


async def take_note(world: World, request: Request) -> Response:
    who, note = caller(world, request), await request.json()
    if not note["text"] or len(note["text"]) > 140:
        raise SimRefusal(refuse("refused"))
    media = [world.objects[note["picture"]]] if "picture" in note else []
    key = world.new_id()
    url = f"https://pigeon.example/notes/{key}"
    await world.publish("pigeon", who, note["text"], post_id=key, media=media, url=url, audience=note["audience"])
    return JSONResponse({"id": key, "url": url})


async def list_notes(world: World, request: Request) -> Response:
    posts = world.published("pigeon", caller(world, request))
    return JSONResponse({"notes": [{"id": p.id, "text": p.text, "at": p.at, "url": p.url} for p in posts]})


async def grant(world: World, request: Request) -> Response:
    form = await request.form()
    given = [str(form.get(name, "")) for name in ("code", "client_id", "redirect_uri", "code_verifier")]
    code = redeem(world, "pigeon", *given)
    if code is None:
        raise SimRefusal(refuse("bad_token"))
    access = world.issue("pigeon", code.identity, "access", code.scopes, 3600)
    return JSONResponse({"access_token": access, "expires_in": 3600})


async def me(world: World, request: Request) -> Response:
    who = world.identities["pigeon", caller(world, request)]
    return JSONResponse({"id": who.id, "name": who.username, "fullName": who.name})


PART = Part(
    platform="pigeon",
    routes=(
        SimRoute("POST", "api.pigeon.example", "/pictures", "upload", take_picture),
        SimRoute("POST", "api.pigeon.example", "/notes", "publish", take_note),
        SimRoute("GET", "api.pigeon.example", "/notes", "read", list_notes),
        SimRoute("GET", "api.pigeon.example", "/me", "read", me),
        SimRoute("POST", "api.pigeon.example", "/token", "token", grant),
        SimRoute("GET", "pigeon.example", "/authorize", "page", consent("pigeon")),
        SimRoute("GET", "pigeon.example", "/notes/{id}", "page", post_page("pigeon")),
    ),
    refusal=refusal,
    identity=identity,
)
