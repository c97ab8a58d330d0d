"""Users with accounts on the simulator, and the files that their posts show."""

from __future__ import annotations

import hashlib
import io
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from threading import Lock
from typing import Any

from PIL import Image
from sqlmodel import Session
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from brokers.sandbox.parts import PARTS
from brokers.sandbox.world import World
from storage import accounts as account_rows
from storage import keys, platform_sets, sessions, users
from storage.database import Database
from storage.migrate import upgrade
from storage.sealing import Keyring
from storage.tables import new_id
from tests.media.conftest import movie

SECRET = "a secret that only this proof knows of and nobody else"
PLATFORMS = tuple(part.platform for part in PARTS)
#: Platforms whose refresh tokens are good once.
ROTATING = ("twitter", "tiktok")
#: The value of a browser session's cookie, one for each lane.
COOKIE = "the browser of lane {}"
#: Alembic keeps what it works on in module variables.
_ONE_MIGRATION = Lock()


@dataclass(frozen=True)
class Lane:
    """A user with a raw API key, a set, and one account of each platform in it (ids on the simulator, by platform)."""

    key: str
    set_id: str
    cookie: str
    accounts: dict[str, str]


def populate(url: str, world: World, lanes: int, expiring: bool) -> list[Lane]:
    """Migrates the database and connects `lanes` users."""
    db = Database(url)
    with _ONE_MIGRATION:
        upgrade(db)
    made = [_connected(db, world, number, expiring) for number in range(lanes)]
    db.close()
    return made


def _connected(db: Database, world: World, number: int, expiring: bool) -> Lane:
    granted = {platform: _standing(world, platform, number) for platform in PLATFORMS}
    if expiring:
        granted |= {platform: _short(world, platform, number) for platform in ROTATING}
    key, set_id = db.write_here(lane, number, granted)
    cookie = f"{COOKIE.format(number)} {key}"
    db.write_here(_sign_in, key, cookie)
    return Lane(key, set_id, cookie, {platform: account["id"] for platform, account in granted.items()})


def _standing(world: World, platform: str, number: int) -> dict[str, Any]:
    who = world.identity(platform, number)
    return {"id": who.id, "username": who.username, "accessToken": world.standing_token(platform, number)}


def _short(world: World, platform: str, number: int) -> dict[str, Any]:
    """An access token that is about to expire, and the refresh token that belongs to it."""
    who, family = world.identity(platform, number), new_id()
    scopes = ["*", "offline.access"]
    access = world.issue(platform, who.id, "access", scopes, 3600, family=family)
    refresh = world.issue(platform, who.id, "refresh", scopes, 86400, family=family, client_id="ampost-sandbox")
    return {"id": who.id, "username": who.username, "accessToken": access, "refreshToken": refresh}


def lane(session: Session, number: int, accounts: dict[str, dict[str, Any]]) -> tuple[str, str]:
    """A user with a key, a set and one account of each platform: the raw key and the set's id."""
    now = datetime.now(UTC)
    user = users.insert(session, f"lane{number}-{new_id()}@example.com", "max", now)
    its_set = platform_sets.insert(session, user["id"], "Default", now, is_default=True)
    ring = Keyring.of([SECRET])
    for platform, account in accounts.items():

        def fill(account_id: str, account: dict[str, Any] = account) -> dict[str, Any]:
            token = ring.seal(account["accessToken"], user["id"], account_id, "access_token")
            columns: dict[str, Any] = {"username": account["username"], "scopes": ["*"], "access_token": token}
            if "refreshToken" in account:
                sealed = ring.seal(account["refreshToken"], user["id"], account_id, "refresh_token")
                columns |= {"refresh_token": sealed, "token_expires_at": now + timedelta(seconds=1)}
            return columns

        account_rows.connect(session, user["id"], its_set["id"], platform, account["id"], fill, now)
    return keys.insert(session, user["id"], "proof", now)[1], its_set["id"]


def _sign_in(session: Session, key: str, cookie: str) -> None:
    found = keys.find(session, key)
    assert found is not None
    now = datetime.now(UTC)
    sessions.add(session, found[1].id, hashlib.sha256(cookie.encode()).hexdigest(), now, now + timedelta(days=1))


def media_host() -> Starlette:
    """Serves one picture and one film."""
    image = io.BytesIO()
    Image.new("RGB", (640, 640), "teal").save(image, "JPEG")
    film = movie("mp42", (720, 1280), 8, after=32768)
    files = {"a.jpg": (image.getvalue(), "image/jpeg"), "a.mp4": (film, "video/mp4")}

    async def one(request: Request) -> Response:
        content, kind = files[request.path_params["name"]]
        return Response(content, media_type=kind)

    return Starlette(routes=[Route("/{name}", one)])
