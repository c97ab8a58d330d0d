"""The made-up platform of `tests/brokers/pigeon.py`, against a simulator that was built with its part."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any

import pytest

from brokers.base import NOT_SEEN, Attempt, Draft, Receipt
from brokers.errors import PlatformError, Unclear
from brokers.oauth import Client
from brokers.platform_http import new_client
from brokers.rules import problems
from brokers.sandbox.app import build
from brokers.sandbox.parts import PARTS
from brokers.sandbox.world import Fault
from tests.brokers.bench import MemorySteps, Simulator, account_on, api_for
from tests.brokers.pigeon import ACCEPTS, BROKER, PART, Settings, exchange, find, profile
from tests.brokers.pushed import Files
from tests.serving import serving


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
