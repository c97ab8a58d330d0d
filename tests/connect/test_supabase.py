"""Sessions by Supabase's cookie: its forms, its signatures, and who the user is."""

from __future__ import annotations

import base64
import json
import time
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any
from urllib.parse import quote

import httpx
import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from ampost_mcp.app import build
from ampost_mcp.context import App
from ampost_mcp.services import users
from ampost_mcp.settings import Settings
from storage import users as rows
from tests.serving import free_port, serving

SECRET = "a shared secret of the project, long enough"


@dataclass
class Project:
    """A Supabase project: signs tokens, publishes its keys."""

    url: str = ""
    key: Any = field(default_factory=lambda: ec.generate_private_key(ec.SECP256R1()))
    kid: str = "one"
    asked: int = 0

    def jwks(self) -> dict[str, Any]:
        public = jwt.algorithms.ECAlgorithm(jwt.algorithms.ECAlgorithm.SHA256).to_jwk(self.key.public_key(), as_dict=True)
        return {"keys": [{**public, "kid": self.kid, "alg": "ES256", "use": "sig"}]}

    def claims(self, **more: Any) -> dict[str, Any]:
        said = {
            "sub": "sub-1", "aud": "authenticated", "iss": f"{self.url}/auth/v1", "exp": int(time.time()) + 600,
            "email": "ann@example.com", "role": "authenticated", "user_metadata": {"email_verified": True}, **more,
        }  # fmt: skip
        return {name: value for name, value in said.items() if value is not None}

    def token(self, **more: Any) -> str:
        return jwt.encode(self.claims(**more), self.key, "ES256", headers={"kid": self.kid})


@dataclass(frozen=True)
class Visit:
    """A browser at a server that trusts the project."""

    http: httpx.AsyncClient
    app: App
    project: Project

    async def keys(self, cookie: str) -> httpx.Response:
        return await self.http.get("/api/keys", headers={"cookie": cookie})

    async def by(self, token: str) -> httpx.Response:
        return await self.keys(f"sb-127-auth-token={encoded(token)}")

    def user(self, email: str) -> dict[str, Any] | None:
        return self.app.db.read_here(rows.by_email, email)


def encoded(token: str) -> str:
    session = json.dumps({"access_token": token, "refresh_token": "r", "token_type": "bearer"})
    return "base64-" + base64.urlsafe_b64encode(session.encode()).decode().rstrip("=")


@pytest.fixture
def project() -> Iterator[Project]:
    project = Project()

    async def jwks(request: Request) -> Response:
        project.asked += 1
        return JSONResponse(project.jwks())

    with serving(Starlette(routes=[Route("/auth/v1/.well-known/jwks.json", jwks)])) as url:
        project.url = url
        yield project


@pytest.fixture
async def visit(project: Project, tmp_path: Any) -> AsyncIterator[Visit]:
    settings = Settings(
        data_dir=tmp_path, port=free_port(), supabase_url=project.url, supabase_jwt_secret=SECRET, with_worker=False,
        _env_file=None,  # type: ignore[call-arg]
    )  # fmt: skip
    starlette = build(settings)
    with serving(starlette, settings.port) as url:
        async with httpx.AsyncClient(base_url=url, trust_env=False) as http:
            yield Visit(http, starlette.state.app, project)


async def test_every_form_of_the_cookie_is_a_session(visit: Visit) -> None:
    token = visit.project.token()
    whole = encoded(token)
    plain = quote(json.dumps({"access_token": token, "refresh_token": "r"}))
    pair = quote(json.dumps([token, "r", None]))
    half = len(whole) // 2
    for cookie in (
        f"sb-127-auth-token={whole}",
        f"sb-127-auth-token={plain}",
        f"sb-127-auth-token={pair}",
        f"sb-127-auth-token.1={whole[half:]}; sb-127-auth-token.0={whole[:half]}",
        f"sb-other-auth-token={encoded('x.y.z')}; sb-127-auth-token={whole}",
    ):
        assert (await visit.keys(cookie)).status_code == 200, cookie[:40]
    assert visit.project.asked == 1


async def test_the_legacy_shared_secret_signs_too(visit: Visit) -> None:
    assert (await visit.by(jwt.encode(visit.project.claims(), SECRET, "HS256"))).status_code == 200


def refused(project: Project) -> dict[str, str]:
    other = ec.generate_private_key(ec.SECP256R1())
    public = project.jwks()["keys"][0]["x"]
    unsigned = jwt.encode(project.claims(), None, "none")
    return {
        "expired": project.token(exp=int(time.time()) - 1),
        "no expiry": project.token(exp=None),
        "no subject": project.token(sub=None),
        "other audience": project.token(aud="somebody-else"),
        "other issuer": project.token(iss="https://evil.example/auth/v1"),
        "anonymous": project.token(is_anonymous=True),
        "other key": jwt.encode(project.claims(), other, "ES256", headers={"kid": project.kid}),
        "other secret": jwt.encode(project.claims(), "another secret that is as long as the first", "HS256"),
        "public key as secret": jwt.encode(project.claims(), public, "HS256", headers={"kid": project.kid}),
        "unsigned": unsigned,
        "unknown key id": jwt.encode(project.claims(), project.key, "ES256", headers={"kid": "two"}),
        "no token": "x.y.z",
    }


CASES = list(refused(Project(url="http://x")))


@pytest.mark.parametrize("case", CASES)
async def test_a_token_that_is_not_good_is_no_session(visit: Visit, case: str) -> None:
    assert (await visit.by(refused(visit.project)[case])).status_code == 401
    assert visit.user("ann@example.com") is None


@pytest.mark.parametrize(
    "value", ["", "base64-", "base64-!!!", "%7B", "null", "5", "[]", "base64-bnVsbA", "base64-" + "A" * 70_000]
)
async def test_a_broken_cookie_is_no_session(visit: Visit, value: str) -> None:
    assert (await visit.keys(f"sb-127-auth-token={value}")).status_code in (400, 401, 431)


async def test_a_new_person_becomes_a_free_user_once(visit: Visit) -> None:
    for _ in range(2):
        assert (await visit.by(visit.project.token())).status_code == 200
    user = visit.user("ann@example.com")
    assert user is not None and (user["tier"], user["supabase_sub"]) == ("free", "sub-1")


@pytest.mark.parametrize("verified", [{"email_verified": True, "user_metadata": {}}, {"user_metadata": {"email_verified": True}}])
async def test_a_verified_address_finds_the_user_and_keeps_the_subject(visit: Visit, verified: dict[str, Any]) -> None:
    made = visit.app.db.write_here(users.create, visit.app.clock(), "ann@example.com", "max")
    assert (await visit.by(visit.project.token(**verified))).status_code == 200
    user = visit.user("ann@example.com")
    assert user is not None and (user["id"], user["supabase_sub"]) == (made["id"], "sub-1")
    assert (await visit.by(visit.project.token(email="moved@example.com"))).status_code == 200
    assert visit.user("moved@example.com") is None


@pytest.mark.parametrize("claim", [{"user_metadata": {}}, {"user_metadata": {"email_verified": "true"}}, {"email_verified": 1}])
async def test_an_unverified_address_takes_over_nobody(visit: Visit, claim: dict[str, Any]) -> None:
    made = visit.app.db.write_here(users.create, visit.app.clock(), "ann@example.com", "max")
    token = visit.project.token(**{"user_metadata": {}, **claim})
    assert (await visit.by(token)).status_code == 200
    user = visit.user("ann@example.com")
    assert user is not None and (user["id"], user["supabase_sub"]) == (made["id"], None)
    other = visit.app.db.read_here(rows.by_supabase_sub, "sub-1")
    assert other is not None and other["tier"] == "free"


async def test_a_new_key_is_noticed_but_not_asked_for_all_the_time(visit: Visit) -> None:
    assert (await visit.by(visit.project.token())).status_code == 200
    visit.project.kid = "two"
    assert (await visit.by(visit.project.token())).status_code == 401  # within the cool-down
    assert visit.project.asked == 1
    before = visit.app.clock
    visit.app.clock = lambda: before() + timedelta(seconds=31)
    assert (await visit.by(visit.project.token())).status_code == 200
    assert visit.project.asked == 2


async def test_a_change_by_this_cookie_needs_our_own_page_as_well(visit: Visit) -> None:
    cookie = {"cookie": f"sb-127-auth-token={encoded(visit.project.token())}"}
    assert (await visit.http.post("/api/keys", json={"name": "x"}, headers=cookie)).status_code == 403
    own = cookie | {"origin": str(visit.http.base_url).rstrip("/")}
    assert (await visit.http.post("/api/keys", json={"name": "x"}, headers=own)).status_code == 201
