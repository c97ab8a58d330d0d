"""Every documented error of Instagram, in an answer and in a container, and the simulator's own strictness."""

from __future__ import annotations

import pytest

from brokers.base import Draft
from brokers.errors import RETRYABLE, PlatformError
from brokers.instagram import BROKER
from brokers.instagram.errors import ROWS
from brokers.sandbox.instagram import errors
from tests.brokers.bench import MemorySteps, account_on, api_for, simulating
from tests.brokers.media_server import JPEG, hosting

simulator = pytest.fixture(simulating, name="simulator", scope="module")
hosted = pytest.fixture(hosting, name="hosted", scope="module")


@pytest.fixture
def refused(simulator, client, hosted):
    """Publishes an image while the simulator is armed, and answers the refusal."""
    api, account = api_for(BROKER, simulator, client), account_on(simulator, "instagram")

    async def publish():
        draft = Draft("No", media=(hosted.media("image", JPEG),))
        with pytest.raises(PlatformError) as caught:
            await BROKER.publish(api, account, draft, MemorySteps(api))
        assert simulator.world.ledger.posts == []
        return caught.value

    return publish


def says(error, row):
    assert (error.kind, error.code, error.broker_code) == (row.kind, row.code, row.broker_code)
    assert (error.hint, error.restart, error.may_have_posted) == (row.hint, row.restart, row.may_have_posted)
    assert (error.hint or error.kind in RETRYABLE) and (row.retry_after is None or error.retry_after == row.retry_after)


@pytest.mark.parametrize("key", sorted(key for key in errors() if not "201" <= key <= "298"))
async def test_every_documented_error_is_read_as_its_row_says(simulator, refused, key):
    status, headers, body = errors()[key]
    simulator.world.arm_reply("instagram", "publish", status, body, headers)
    error = await refused()
    says(error, ROWS[key])
    assert error.platform_code == key.replace("*", "100")


@pytest.mark.parametrize("key", sorted(key for key in ROWS if "/2207" in key))
async def test_every_subcode_in_a_failed_container_is_read_as_its_row_says(simulator, refused, key):
    subcode = key.partition("/")[2]
    body = {"id": "1", "status_code": "ERROR", "status": f"Error: Media upload has failed with error code {subcode}"}
    simulator.world.arm_reply("instagram", "wait", 200, body)
    error = await refused()
    says(error, ROWS[key])
    assert error.platform_code == subcode


@pytest.mark.parametrize(("code", "kind"), [("ERROR", "content"), ("EXPIRED", "transient")])
async def test_a_failed_container_without_a_reason(simulator, refused, code, kind):
    simulator.world.arm_reply("instagram", "wait", 200, {"id": "1", "status_code": code})
    error = await refused()
    assert (error.kind, error.restart, error.platform_code) == (kind, code == "EXPIRED", code)
    assert error.hint or error.kind in RETRYABLE


async def test_a_subcode_counts_whatever_code_it_comes_with(simulator, refused):
    body = {"error": {"message": "x", "code": 1, "error_subcode": 2207052}}
    simulator.world.arm_reply("instagram", "upload", 400, body)
    says(await refused(), ROWS["9004/2207052"])


async def test_a_rate_limit_waits_as_long_as_the_usage_header_says(simulator, refused):
    usage = '{"1": [{"type": "x", "estimated_time_to_regain_access": 7}]}'
    body = {"error": {"message": "(#4) Application request limit reached", "code": 4}}
    simulator.world.arm_reply("instagram", "upload", 403, body, {"x-business-use-case-usage": usage})
    error = await refused()
    assert (error.kind, error.retry_after) == ("quota", 420)


SOURCE = {"image_url": "https://media.example/1.jpg"}
REFUSED = {
    "no media": ({"caption": "x"}, "100"),
    "VIDEO is no kind of its own": ({"media_type": "VIDEO", "video_url": "https://x"}, "100/2207023"),
    "unknown kind": (SOURCE | {"media_type": "IMAGE_POST"}, "100/2207023"),
    "unknown parameter": (SOURCE | {"message": "x"}, "100"),
    "a story with a caption": (SOURCE | {"media_type": "STORIES", "caption": "x"}, "100"),
    "a story with an alt text": (SOURCE | {"media_type": "STORIES", "alt_text": "x"}, "100"),
    "a reel of an image": (SOURCE | {"media_type": "REELS"}, "100"),
    "a caption too long": (SOURCE | {"caption": "x" * 2201}, "36004/2207010"),
    "too many hashtags": (SOURCE | {"caption": "#a " * 31}, "36004/2207010"),
    "an alt text too long": (SOURCE | {"alt_text": "x" * 1001}, "100"),
    "a carousel of one": ({"media_type": "CAROUSEL", "children": "1"}, "100/2207028"),
    "a carousel of eleven": ({"media_type": "CAROUSEL", "children": ",".join(map(str, range(11)))}, "100/2207028"),
    "a carousel of strangers": ({"media_type": "CAROUSEL", "children": "1,2"}, "100"),
    "an item with a caption": (SOURCE | {"is_carousel_item": "true", "caption": "x"}, "100"),
}


@pytest.mark.parametrize(("form", "code"), REFUSED.values(), ids=REFUSED)
async def test_the_simulator_is_as_strict_as_instagram(simulator, client, form, code):
    api, account = api_for(BROKER, simulator, client), account_on(simulator, "instagram")
    url = f"https://graph.instagram.com/v26.0/{account.platform_account_id}/media"
    with pytest.raises(PlatformError) as caught:
        await api.request("POST", url, form=form, token=account.access_token)
    assert (caught.value.kind, caught.value.platform_code) == ("content", code)


async def test_nobody_publishes_for_another_account(simulator, client):
    api, mine = api_for(BROKER, simulator, client), account_on(simulator, "instagram", 0)
    url = f"https://graph.instagram.com/v26.0/{account_on(simulator, 'instagram', 1).platform_account_id}/media"
    with pytest.raises(PlatformError) as caught:
        await api.request("POST", url, form=SOURCE, token=mine.access_token)
    assert caught.value.platform_code == "100/33"
