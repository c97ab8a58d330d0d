"""What the broker sends to X has the shape that X's own OpenAPI description asks for."""

from __future__ import annotations

import json
import re
from email import message_from_bytes
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator

from brokers.base import Draft
from brokers.sandbox.app import build
from brokers.twitter import BROKER
from brokers.twitter.accepts import Settings
from tests.brokers.bench import Bench, Simulator
from tests.brokers.pushed import Files
from tests.serving import serving

SCHEMAS = json.loads(Path(__file__).with_name("twitter_bodies.json").read_text())


class Wire:
    """An ASGI application, and every request body that went into it: (method, path, content type, body)."""

    def __init__(self, app):
        self.app, self.seen = app, []

    async def __call__(self, scope, receive, send):
        body = bytearray()

        async def listen():
            message = await receive()
            body.extend(message.get("body", b""))
            return message

        await self.app(scope, listen, send)
        if scope["type"] == "http":
            kind = dict(scope["headers"]).get(b"content-type", b"").decode()
            self.seen.append((scope["method"], scope["path"], kind, bytes(body)))


@pytest.fixture
def wire():
    return Wire(build())


@pytest.fixture
async def x(wire, client, tmp_path):
    with serving(wire) as root:
        yield Bench(BROKER, Simulator(root, wire.app.state.world), client, Files(tmp_path))


def operation(method, path):
    _, _, below = path.partition("/api.x.com")
    return f"{method} {re.sub(r'(?<=upload/)[0-9]+', '{id}', below)}"


def parsed(kind, body):
    if kind.startswith("application/json"):
        return json.loads(body)
    form = message_from_bytes(b"content-type: " + kind.encode() + b"\r\n\r\n" + body)
    fields = {
        re.search(r'name="(\w+)"', part["content-disposition"])[1]: part.get_payload(decode=True).decode("latin-1")
        for part in form.get_payload()
    }
    return fields | {"segment_index": int(fields["segment_index"])}


async def test_every_body_fits_x_s_description(x, wire):
    files = x.files
    images = tuple(files.media("image/png", alt_text=f"Alt {n}") for n in range(4))
    reply = Settings.model_validate({"replySettings": "verified"})
    for draft in (
        Draft("Four", media=images, settings=reply, link_url="https://example.com"),
        Draft("", media=(files.media("image/gif", alt_text="Moves"),)),
        Draft("A film", media=(files.media("video/mp4", 5 * 1024 * 1024),)),
        Draft("Words"),
    ):
        x.start_over()
        await x.publish(draft)
    sent = [(operation(method, path), kind, body) for method, path, kind, body in wire.seen if method == "POST"]
    checked = set()
    for what, kind, body in sent:
        if what.endswith("/finalize"):
            assert body == b""
            continue
        checked.add(what)
        assert list(Draft202012Validator(SCHEMAS[what]).iter_errors(parsed(kind, body))) == []
    assert checked == set(SCHEMAS) - {"source"}
