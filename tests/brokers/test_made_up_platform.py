"""A platform that does not exist, added the way `brokers/README.md` says: its broker, its part of the simulator, its
tests. The code blocks of that page are this file's."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, date, datetime
from typing import Any, Literal

import pytest
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from brokers.accepts import Accepts, Kind, Limits, TextLimit
from brokers.base import NOT_SEEN, Account, Attempt, Broker, Draft, Media, Profile, Receipt, Sighting, Steps
from brokers.errors import ErrorRow, PlatformError, Reply, Unclear, from_row
from brokers.oauth import Client, OAuth, Tokens
from brokers.platform_http import PlatformHttp, new_client
from brokers.platform_settings import PlatformSettings, settings_of
from brokers.rules import problems
from brokers.sandbox.app import build, post_page
from brokers.sandbox.consent import consent, redeem
from brokers.sandbox.parts import PARTS
from brokers.sandbox.world import Fault, Identity, Part, SimRefusal, SimRoute, World
from tests.brokers.conftest import MemorySteps, Simulator, account_on, api_for
from tests.brokers.pushed import Files
from tests.serving import serving

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
    "slow_down": ErrorRow("quota", "Nothing needs to change. The server tries again."),
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

# -- tests/brokers/test_pigeon.py


class Coop:
    """The broker, an account on the simulator, and the steps of one platform post."""

    def __init__(self, simulator: Simulator, client: Any) -> None:
        self.world = simulator.world
        self.api = api_for(BROKER, simulator, client, links_to_root=True)
        self.account = account_on(simulator, "pigeon")
        self.steps = MemorySteps(self.api)

    async def publish(self, draft: Draft) -> Receipt:
        return await BROKER.publish(self.api, self.account, draft, self.steps)


@pytest.fixture
async def coop(client: Any) -> AsyncIterator[Coop]:
    app = build(parts=(*PARTS, PART))
    with serving(app) as root:
        yield Coop(Simulator(root, app.state.world), client)


async def test_a_note_is_published_once_and_its_link_opens(coop: Coop) -> None:
    receipt = await coop.publish(Draft("Coo.", settings=Settings(audience="neighbours")))
    (post,) = coop.world.published("pigeon")
    assert (post.id, post.text, post.extra) == (receipt.id, "Coo.", {"audience": "neighbours"})
    assert coop.steps.sent == 1
    async with new_client() as http:
        assert "Coo." in (await http.get(receipt.url or "")).text


async def test_a_picture_is_uploaded_first_and_only_once(coop: Coop, tmp_path: Any) -> None:
    draft = Draft("Look.", media=(Files(tmp_path).media("image/png"),))
    coop.world.faults.append(Fault("pigeon", "publish", "refuse"))
    with pytest.raises(PlatformError):
        await coop.publish(draft)
    await coop.publish(draft)
    assert coop.world.counts["pigeon", "upload"] == 1
    assert [item["mimeType"] for item in coop.world.published("pigeon")[0].media] == ["image/png"]


async def test_what_is_no_picture_fails_before_anything_is_public(coop: Coop, tmp_path: Any) -> None:
    with pytest.raises(PlatformError) as refused:
        await coop.publish(Draft("Look.", media=(Files(tmp_path).media("image/png", content="text/plain"),)))
    assert refused.value.code == "MEDIA_UPLOAD_FAILED"
    assert coop.steps.sent == 0


async def test_a_lost_answer_is_unclear_and_the_note_is_found(coop: Coop) -> None:
    began = datetime.now(UTC)
    coop.world.faults.append(Fault("pigeon", "publish", "error_after"))
    with pytest.raises(Unclear):
        await coop.publish(Draft("Once."))
    seen = await find(coop.api, coop.account, Draft("Once."), Attempt(coop.steps.journal, began))
    assert seen.receipt and seen.receipt.id == coop.world.published("pigeon")[0].id


async def test_a_note_that_never_arrived_is_not_seen(coop: Coop) -> None:
    coop.world.faults.append(Fault("pigeon", "publish", "error_before"))
    with pytest.raises(Unclear):
        await coop.publish(Draft("Lost."))
    assert await find(coop.api, coop.account, Draft("Lost."), Attempt({}, datetime.now(UTC))) == NOT_SEEN


@pytest.mark.parametrize(("fault", "kind"), [("refuse", "content"), ("rate_limit", "quota"), ("expired_token", "auth")])
async def test_a_refusal_says_what_kind_it_is(coop: Coop, fault: str, kind: str) -> None:
    coop.world.faults.append(Fault("pigeon", "publish", fault, retry_after=7))
    with pytest.raises(PlatformError) as refused:
        await coop.publish(Draft("Coo."))
    assert refused.value.kind == kind
    assert refused.value.retry_after == (7 if kind == "quota" else None)


async def test_an_account_is_connected_by_consent(coop: Coop) -> None:
    client = Client("our-id", "our-secret", "https://here.example/callback")
    asked = {
        "client_id": client.client_id, "redirect_uri": client.redirect_uri, "state": "s", "scope": "notes",
        "response_type": "code", "choose": "2",
    }  # fmt: skip
    async with new_client() as http:
        granted = await http.get(f"{coop.api.root}/pigeon.example/authorize", params=asked)
    code = granted.headers["location"].partition("code=")[2].partition("&")[0]
    tokens = await exchange(coop.api, client, code, None)
    (who,) = await profile(coop.api, tokens.access_token)
    assert (who.platform_account_id, who.username) == ("coop-2", "pigeon_2")


def test_its_limits_hold_by_the_common_rules() -> None:
    found = problems(Draft("c" * 141, link_url="https://example.com"), ACCEPTS)
    assert {(p.code, p.field, p.limit) for p in found} == {
        ("CONTENT_TOO_LONG", "content.text", 140),
        ("VALIDATION_FAILED", "content.linkUrl", None),
    }
