"""Threads against the simulator: what was asked arrives, and nothing goes out twice."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import httpx
import pytest

from brokers.base import Attempt, Draft, Media
from brokers.errors import PlatformError, Unclear
from brokers.platform_http import new_client
from brokers.sandbox.threads import errors
from brokers.sandbox.world import Fault
from brokers.threads import BROKER
from brokers.threads.accepts import Settings
from brokers.threads.errors import ROWS
from tests.brokers.conftest import MemorySteps, account_on, api_for
from tests.brokers.media_server import JPEG, MP4, PNG, MediaServer, hosting

HOSTED = "https://graph.threads.net"


hosted = pytest.fixture(hosting, name="hosted")


@pytest.fixture
async def threads(simulator, client):
    api = api_for(BROKER, simulator, client, links_to_root=True)
    account = account_on(simulator, "threads")
    return Bench(simulator, api, account)


class Bench:
    """A broker with an account on a simulator, and the steps of one platform post."""

    def __init__(self, simulator, api, account):
        self.simulator, self.world, self.api, self.account = simulator, simulator.world, api, account
        self.steps = MemorySteps(api)
        self.began = datetime.now(UTC)

    async def publish(self, draft, **changes):
        return await BROKER.publish(self.api, replace(self.account, **changes), draft, self.steps)

    async def find(self, draft, **changes):
        attempt = Attempt(**{"journal": self.steps.journal, "started_at": self.began, **changes})
        return await BROKER.find(self.api, self.account, draft, attempt)

    def hurry(self):
        """Gives a lost answer a short time only."""
        self.api = self.steps.api = replace(self.api, timeout=0.3)

    def arm(self, step, fault, **more):
        self.world.faults.append(Fault("threads", step, fault, **more))

    @property
    def posts(self):
        return self.world.ledger.posts


async def page_of(url):
    async with new_client() as http:
        return await http.get(url)


def settings(**wire):
    return Settings.model_validate(wire)


async def test_text_with_link_and_settings_arrives_and_its_link_opens(threads):
    draft = Draft(
        "Hello Threads 🎉",
        link_url="https://example.com/a?b=c",
        settings=settings(replyControl="mentioned_only", topicTag="Gardening"),
    )
    receipt = await threads.publish(draft)
    (post,) = threads.posts
    assert (post.id, post.text, post.media) == (receipt.id, "Hello Threads 🎉", [])
    assert post.extra == {
        "media_type": "TEXT", "link_attachment": "https://example.com/a?b=c",
        "reply_control": "mentioned_only", "topic_tag": "Gardening",
    }  # fmt: skip
    page = await page_of(receipt.url)
    assert page.status_code == 200 and "Hello Threads" in page.text
    assert threads.steps.sent == 1


@pytest.mark.parametrize(("kind", "media_type", "bytes_"), [("image", "IMAGE", JPEG), ("video", "VIDEO", MP4)])
async def test_one_item_arrives_with_its_bytes_and_alt_text(threads, hosted, kind, media_type, bytes_):
    draft = Draft("Look", media=(hosted.media(kind, bytes_, alt_text="What it shows"),))
    receipt = await threads.publish(draft)
    (post,) = threads.posts
    assert (post.text, post.extra) == ("Look", {"media_type": media_type})
    assert post.media == [hosted.seen(bytes_, alt_text="What it shows")]
    assert (await page_of(receipt.url)).status_code == 200


async def test_a_link_beside_media_arrives_in_the_text(threads, hosted):
    draft = Draft("Look", media=(hosted.media("image", PNG),), link_url="https://example.com")
    await threads.publish(draft)
    assert threads.posts[0].text == BROKER.accepts.compose(draft)
    assert "https://example.com" in threads.posts[0].text


@pytest.mark.parametrize("count", [2, 20])
async def test_a_carousel_keeps_its_order_and_each_alt_text(threads, hosted, count):
    files = [(("video", MP4) if n % 3 == 2 else ("image", JPEG)) for n in range(count)]
    media = tuple(hosted.media(kind, data + bytes([n]), alt_text=f"Item {n}") for n, (kind, data) in enumerate(files))
    await threads.publish(Draft("Many", media=media, settings=settings(topicTag="Birds")))
    (post,) = threads.posts
    assert (post.text, post.extra) == ("Many", {"media_type": "CAROUSEL", "topic_tag": "Birds"})
    assert post.media == [hosted.seen(data + bytes([n]), alt_text=f"Item {n}") for n, (_, data) in enumerate(files)]


async def test_media_that_take_time_are_waited_for(threads, hosted):
    threads.arm("wait", "slow", delay=0.3)
    await threads.publish(Draft("Slow", media=(hosted.media("video", MP4),)))
    assert threads.world.counts["threads", "wait"] > 2
    assert len(threads.posts) == 1


async def test_media_that_cannot_be_fetched_are_worth_another_try_from_the_start(threads):
    media = Media("video", "x", source=MediaServer.nowhere())
    with pytest.raises(PlatformError) as caught:
        await threads.publish(Draft("Gone", media=(media,)))
    error = caught.value
    assert (error.kind, error.code, error.restart) == ("transient", "MEDIA_UPLOAD_FAILED", True)
    assert error.platform_code == "FAILED_DOWNLOADING_VIDEO"
    assert threads.posts == [] and threads.steps.sent == 0


async def test_media_that_threads_cannot_read_fail_for_good(threads, hosted):
    with pytest.raises(PlatformError) as caught:
        await threads.publish(Draft("Bad", media=(hosted.media("video", b"not a video"),)))
    error = caught.value
    assert (error.kind, error.code, error.broker_code) == ("content", "MEDIA_UPLOAD_FAILED", None)
    assert "H.264" in error.hint


async def test_an_expired_container_is_built_anew(threads, hosted):
    threads.arm("wait", "slow", delay=0.2)
    await threads.steps.upload("container", lambda: _text_container(threads))
    threads.world.objects[threads.steps.journal["container"]]["created_at"] -= 2 * 86400
    with pytest.raises(PlatformError) as caught:
        await threads.publish(Draft("Late"))
    assert (caught.value.kind, caught.value.restart) == ("transient", True)
    threads.steps.journal.clear()
    await threads.publish(Draft("Late"))
    assert [post.text for post in threads.posts] == ["Late"]


async def _text_container(threads):
    reply = await threads.api.request(
        "POST", f"{HOSTED}/v1.0/me/threads", form={"media_type": "TEXT", "text": "Late"},
        token=threads.account.access_token,
    )  # fmt: skip
    return reply.body["id"]


@pytest.mark.parametrize("fault", ["lose_answer", "truncate", "error_after"])
async def test_a_lost_answer_after_the_effect_is_found_published(threads, hosted, fault):
    draft = Draft("Once", media=(hosted.media("image", JPEG),))
    await MemorySteps(threads.api).publish("other", lambda _: _another(threads, "Once"))
    threads.arm("publish", fault)
    threads.hurry()
    with pytest.raises(Unclear):
        await threads.publish(draft)
    taken = frozenset({threads.posts[0].id})
    sighting = await threads.find(draft, taken=taken)
    assert (sighting.state, sighting.receipt.id) == ("published", threads.posts[1].id)
    assert "image/jpeg" in (await page_of(sighting.receipt.url)).text
    assert threads.steps.sent == 1 and len(threads.posts) == 2


async def test_a_used_container_is_a_reason_to_look_and_none_to_build_anew(threads):
    threads.arm("publish", "error_after")
    with pytest.raises(Unclear):
        await threads.publish(Draft("Once"))
    with pytest.raises(PlatformError) as caught:
        await threads.publish(Draft("Once"))
    assert caught.value.platform_code == "24/4279009" and caught.value.may_have_posted
    assert (await threads.find(Draft("Once"))).receipt.id == threads.posts[0].id
    assert len(threads.posts) == 1


async def _another(threads, text):
    return await threads.world.publish("threads", threads.account.platform_account_id, text)


@pytest.mark.parametrize("fault", ["hang", "error_before"])
async def test_a_lost_answer_without_effect_is_not_seen(threads, fault):
    threads.arm("publish", fault)
    threads.hurry()
    with pytest.raises(Unclear):
        await threads.publish(Draft("Never"))
    assert (await threads.find(Draft("Never"))).state == "not_seen"
    assert threads.posts == []


async def test_find_without_a_container_sees_nothing_and_asks_nobody(threads):
    assert (await threads.find(Draft("x"), journal={})).state == "not_seen"
    assert threads.world.requests == []


async def test_find_while_the_container_is_in_progress_is_pending(threads):
    threads.arm("wait", "slow", delay=60)
    threads.steps.journal["container"] = await _text_container(threads)
    assert (await threads.find(Draft("Late"))).state == "pending"


async def test_find_of_an_expired_container_is_refused(threads):
    threads.steps.journal["container"] = container = await _text_container(threads)
    threads.world.objects[container]["created_at"] -= 2 * 86400
    sighting = await threads.find(Draft("Late"))
    assert sighting.state == "refused" and sighting.error.restart


async def test_a_listing_that_lags_is_pending_and_then_the_container_is_proof_enough(threads):
    threads.arm("publish", "error_after")
    threads.arm("read", "late_listing", delay=3600)
    with pytest.raises(Unclear):
        await threads.publish(Draft("Lag"))
    assert (await threads.find(Draft("Lag"))).state == "pending"
    sighting = await threads.find(Draft("Lag"), started_at=threads.began - timedelta(minutes=1))
    assert sighting.state == "published"
    assert sighting.receipt.id == threads.steps.journal["container"]
    assert (await page_of(sighting.receipt.url)).status_code == 200


async def test_a_permalink_that_cannot_be_read_leaves_a_success_with_the_profile(threads):
    steps = threads.steps

    async def then_break(name, do):
        result = await MemorySteps.publish(steps, name, do)
        threads.arm("read", "refuse")
        return result

    steps.publish = then_break
    receipt = await threads.publish(Draft("Fine"))
    assert receipt.id == threads.posts[0].id
    assert receipt.url.endswith(f"/www.threads.com/@{threads.account.username}")


async def test_a_second_run_after_a_crash_repeats_nothing(threads, hosted):
    draft = Draft("Again", media=(hosted.media("image", JPEG), hosted.media("image", PNG)))
    first = await threads.publish(draft)
    assert await threads.publish(draft) == first
    assert threads.world.counts["threads", "upload"] == 3 and threads.steps.sent == 1


@pytest.mark.parametrize("key", sorted(key for key in errors() if not "201" <= key <= "298"))
async def test_every_documented_error_is_read_as_its_row_says(threads, key):
    status, headers, body = errors()[key]
    threads.world.arm_reply("threads", "publish", status, body, headers)
    with pytest.raises(PlatformError) as caught:
        await threads.publish(Draft("No"))
    error, row = caught.value, ROWS[key]
    assert (error.kind, error.code, error.broker_code) == (row.kind, row.code, row.broker_code)
    assert (error.hint, error.restart, error.may_have_posted) == (row.hint, row.restart, row.may_have_posted)
    assert error.hint and error.platform_code == key.replace("*", "100")
    assert threads.posts == []


@pytest.mark.parametrize("reason", [key for key in ROWS if key.isupper()])
async def test_every_reason_of_a_failed_container_is_read_as_its_row_says(threads, reason):
    status = "EXPIRED" if reason == "EXPIRED" else "ERROR"
    threads.world.arm_reply("threads", "wait", 200, {"id": "1", "status": status, "error_message": reason})
    with pytest.raises(PlatformError) as caught:
        await threads.publish(Draft("No"))
    error, row = caught.value, ROWS[reason]
    assert (error.kind, error.code, error.broker_code, error.hint) == (row.kind, row.code, row.broker_code, row.hint)
    assert error.platform_code == reason and threads.steps.sent == 0


async def test_a_rate_limit_says_when_to_come_back(threads):
    threads.arm("upload", "rate_limit", retry_after=120)
    with pytest.raises(PlatformError) as caught:
        await threads.publish(Draft("Soon"))
    assert (caught.value.kind, caught.value.retry_after) == ("quota", 120)


async def test_an_expired_token_is_an_auth_error(threads):
    with pytest.raises(PlatformError) as caught:
        await threads.publish(Draft("Who"), access_token="sim-nobody")
    assert (caught.value.kind, caught.value.broker_code) == ("auth", "AUTH_EXPIRED")


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
        await threads.api.request("POST", f"{HOSTED}/v1.0/me/threads", form=form, token=threads.account.access_token)
    assert caught.value.platform_code.startswith("100") and caught.value.kind == "content"


async def test_the_simulator_wants_a_token_in_header_or_query(threads):
    url = f"{threads.simulator.root}/graph.threads.net/v1.0/me?fields=id"
    async with httpx.AsyncClient() as http:
        assert (await http.get(url)).json()["error"]["code"] == 104
        given = await http.get(url, params={"fields": "id", "access_token": threads.account.access_token})
    assert given.json() == {"id": threads.account.platform_account_id}
