"""Every documented error of Threads, in an answer and in a container, and the simulator's own strictness."""

from __future__ import annotations

from dataclasses import replace

import pytest

from brokers.base import Draft
from brokers.errors import RETRYABLE, PlatformError
from brokers.platform_http import new_client
from brokers.sandbox.threads import errors
from brokers.threads import BROKER
from brokers.threads.errors import ROWS
from tests.brokers.bench import Bench, simulating

simulator = pytest.fixture(simulating, name="simulator", scope="module")


@pytest.fixture
def threads(simulator, client):
    return Bench(BROKER, simulator, client)


@pytest.mark.parametrize("key", sorted(key for key in errors() if not "201" <= key <= "298"))
async def test_every_documented_error_is_read_as_its_row_says(threads, key):
    status, headers, body = errors()[key]
    threads.world.arm_reply("threads", "publish", status, body, headers)
    error = await threads.refused(Draft("No"))
    row = ROWS[key]
    assert (error.kind, error.code, error.broker_code) == (row.kind, row.code, row.broker_code)
    assert (error.hint, error.restart, error.may_have_posted) == (row.hint, row.restart, row.may_have_posted)
    assert (error.hint or error.kind in RETRYABLE) and error.platform_code == key.replace("*", "100")
    assert threads.posts == []


@pytest.mark.parametrize("reason", [key for key in ROWS if key.isupper()])
async def test_every_reason_of_a_failed_container_is_read_as_its_row_says(threads, reason):
    status = "EXPIRED" if reason == "EXPIRED" else "ERROR"
    threads.world.arm_reply("threads", "wait", 200, {"id": "1", "status": status, "error_message": reason})
    error = await threads.refused(Draft("No"))
    row = ROWS[reason]
    assert (error.kind, error.code, error.broker_code, error.hint) == (row.kind, row.code, row.broker_code, row.hint)
    assert error.platform_code == reason and threads.steps.sent == 0


async def test_a_rate_limit_says_when_to_come_back(threads):
    threads.arm("upload", "rate_limit", retry_after=120)
    error = await threads.refused(Draft("Soon"))
    assert (error.kind, error.retry_after) == ("quota", 120)


async def test_an_unknown_token_is_an_auth_error(threads):
    threads.account = replace(threads.account, access_token="sim-nobody")
    error = await threads.refused(Draft("Who"))
    assert (error.kind, error.broker_code) == ("auth", "AUTH_EXPIRED")


REFUSED = {
    "no kind": {"text": "x"},
    "text missing": {"media_type": "TEXT"},
    "text too long": {"media_type": "TEXT", "text": "x" * 501},
    "emoji weigh their bytes": {"media_type": "TEXT", "text": "🎉" * 126},
    "unknown parameter": {"media_type": "TEXT", "text": "x", "caption": "y"},
    "alt text on text": {"media_type": "TEXT", "text": "x", "alt_text": "y"},
    "link beside an image": {"media_type": "IMAGE", "image_url": "https://x", "link_attachment": "https://y"},
    "a carousel of one": {"media_type": "CAROUSEL", "children": "1"},
    "a carousel of strangers": {"media_type": "CAROUSEL", "children": "1,2"},
    "unknown audience": {"media_type": "TEXT", "text": "x", "reply_control": "nobody"},
    "topic with a period": {"media_type": "TEXT", "text": "x", "topic_tag": "a.b"},
}


@pytest.mark.parametrize("form", REFUSED.values(), ids=REFUSED)
async def test_the_simulator_is_as_strict_as_threads(threads, form):
    with pytest.raises(PlatformError) as caught:
        await threads.api.request(
            "POST", "https://graph.threads.net/v1.0/me/threads", form=form, token=threads.account.access_token
        )
    assert caught.value.platform_code.startswith("100") and caught.value.kind == "content"


async def test_the_simulator_wants_a_token_in_header_or_query(threads):
    url = f"{threads.simulator.root}/graph.threads.net/v1.0/me?fields=id"
    async with new_client() as http:
        assert (await http.get(url)).json()["error"]["code"] == 104
        given = await http.get(url, params={"fields": "id", "access_token": threads.account.access_token})
    assert given.json() == {"id": threads.account.platform_account_id}
