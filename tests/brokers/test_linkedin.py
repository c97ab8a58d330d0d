"""LinkedIn against the simulator: what was asked arrives, and nothing goes out twice."""

from __future__ import annotations

from dataclasses import replace

import pytest

from brokers.base import Draft
from brokers.errors import PlatformError, Unclear
from brokers.linkedin import BROKER
from brokers.linkedin.accepts import Settings
from brokers.linkedin.errors import ROWS
from brokers.linkedin.little import little
from brokers.sandbox.linkedin import errors
from brokers.sandbox.linkedin_text import shown
from tests.brokers.bench import Bench, page_of

MIB = 1024 * 1024
RESERVED = r"All of \ | { } @ [ ] ( ) < > # * _ ~ stay"


@pytest.fixture
async def linkedin(simulator, client, files):
    return Bench(BROKER, simulator, client, files)


def settings(**wire):
    return Settings.model_validate(wire)


async def test_text_arrives_and_its_link_opens(linkedin):
    draft = Draft("Hello LinkedIn 🎉\n\nA line", settings=settings(visibility="CONNECTIONS"))
    receipt = await linkedin.publish(draft)
    (post,) = linkedin.posts
    assert (post.id, post.text, post.media) == (receipt.id, "Hello LinkedIn 🎉\n\nA line", [])
    assert post.extra["visibility"] == "CONNECTIONS"
    assert receipt.url == f"{linkedin.simulator.root}/www.linkedin.com/feed/update/{post.id}/"
    page = await page_of(receipt.url)
    assert page.status_code == 200 and "Hello LinkedIn" in page.text
    assert linkedin.steps.sent == 1


async def test_a_post_is_public_unless_asked_otherwise(linkedin):
    await linkedin.publish(Draft("For all"))
    assert linkedin.posts[0].extra["visibility"] == "PUBLIC"


@pytest.mark.parametrize(
    ("text", "tags"),
    [
        (RESERVED, []),
        ("Look (here) #Garden_2 and #2026, #Été!", ["Garden_2", "Été"]),
        ("(#inside) a#b https://example.com/a_b/?#c (x)", ["inside"]),
        ("C# and F# are no tags; ## #x", ["x"]),
        (r"{hashtag|\#|fake}", []),
        ("tail \\", []),
    ],
)
async def test_every_character_arrives_and_hashtags_are_hashtags(linkedin, text, tags):
    await linkedin.publish(Draft(text))
    (post,) = linkedin.posts
    assert (post.text, post.extra["hashtags"]) == (text, tags)


def test_unescaped_text_is_cut_as_linkedin_cuts_it():
    assert shown("Before (after)") == "Before "
    assert shown(little("Before (after)")) == "Before (after)"


async def test_a_link_is_an_article(linkedin):
    draft = Draft(
        "Read this",
        link_url="https://example.com/story?a=1",
        settings=settings(articleTitle="The (true) story", articleDescription="What happened"),
    )
    await linkedin.publish(draft)
    (post,) = linkedin.posts
    assert (post.text, post.media) == ("Read this", [])
    assert post.extra["article"] == {
        "source": "https://example.com/story?a=1", "title": "The (true) story", "description": "What happened",
    }  # fmt: skip


async def test_an_article_without_a_title_goes_by_its_host(linkedin):
    await linkedin.publish(Draft("Read this", link_url="https://example.com/story"))
    assert linkedin.posts[0].extra["article"] == {"source": "https://example.com/story", "title": "example.com"}


async def test_an_image_beside_a_link_is_the_article_s_thumbnail(linkedin, files):
    item = files.media("image/jpeg", alt_text="A picture")
    await linkedin.publish(Draft("Read this", media=(item,), link_url="https://example.com/story"))
    assert linkedin.seen == [files.seen(item)]
    assert linkedin.posts[0].extra["article"]["source"] == "https://example.com/story"


async def test_a_link_beside_several_images_arrives_in_the_text(linkedin, files):
    media = (files.media("image/jpeg"), files.media("image/png"))
    await linkedin.publish(Draft("Read this", media=media, link_url="https://example.com/story"))
    assert linkedin.posts[0].text == "Read this\n\nhttps://example.com/story"
    assert "article" not in linkedin.posts[0].extra


@pytest.mark.parametrize("mime_type", ["image/jpeg", "image/png"])
async def test_one_image_arrives_with_its_alt_text(linkedin, files, mime_type):
    item = files.media(mime_type, 2 * MIB + 1, alt_text="A cat")
    await linkedin.publish(Draft("Look", media=(item,)))
    assert linkedin.seen == [files.seen(item)]
    assert linkedin.posts[0].media[0]["mimeType"] == mime_type


@pytest.mark.parametrize("count", [2, 20])
async def test_images_arrive_in_order_with_their_alt_texts(linkedin, files, count):
    media = tuple(files.media("image/png", alt_text=f"Item {n}" if n != 1 else None) for n in range(count))
    await linkedin.publish(Draft("Look", media=media))
    assert linkedin.seen == [files.seen(item) for item in media]


async def test_the_alt_text_setting_is_for_a_first_image_without_one(linkedin, files):
    first, second = files.media("image/png"), files.media("image/png")
    await linkedin.publish(Draft("Look", media=(first, second), settings=settings(altText="From the settings")))
    assert [item["altText"] for item in linkedin.seen] == ["From the settings", None]


async def test_an_image_s_own_alt_text_comes_before_the_setting(linkedin, files):
    item = files.media("image/png", alt_text="Its own")
    await linkedin.publish(Draft("Look", media=(item,), settings=settings(altText="From the settings")))
    assert [item["altText"] for item in linkedin.seen] == ["Its own"]


async def test_a_video_arrives_in_parts_and_is_waited_for(linkedin, files):
    linkedin.arm("wait", "slow", delay=0.2)
    item = files.media("video/mp4", 9 * MIB + 1)
    receipt = await linkedin.publish(Draft("A film", media=(item,)))
    assert linkedin.seen == [files.seen(item)]
    assert receipt.id.startswith("urn:li:ugcPost:")
    assert len([r for r in linkedin.world.requests if r["method"] == "PUT"]) == 3
    assert linkedin.world.counts["linkedin", "wait"] > 2


async def test_a_video_that_cannot_be_processed_is_refused_before_the_post(linkedin, files):
    error = await linkedin.refused(Draft("A film", media=(files.media("video/mp4", content="text/plain"),)))
    assert (error.kind, error.code) == ("content", "MEDIA_UPLOAD_FAILED")
    assert linkedin.steps.sent == 0 and linkedin.posts == []


async def test_a_member_who_may_not_look_at_the_video_posts_all_the_same(linkedin, files):
    status, headers, body = errors()["ACCESS_DENIED"]
    linkedin.world.arm_reply("linkedin", "wait", status, body, headers)
    await linkedin.publish(Draft("A film", media=(files.media("video/mp4"),)))
    assert len(linkedin.posts) == 1


async def test_a_video_that_is_not_ready_is_tried_again(linkedin, files):
    status, headers, body = errors()["ACCESS_DENIED"]
    linkedin.world.arm_reply("linkedin", "wait", status, body, headers)
    linkedin.arm("*", "slow", delay=60)
    draft = Draft("A film", media=(files.media("video/mp4"),))
    error = await linkedin.refused(draft)
    assert (error.kind, error.platform_code) == ("transient", "MEDIA_ASSET_WAITING_UPLOAD")
    assert linkedin.posts == []
    for asset in linkedin.world.objects.values():
        asset["ready_at"] = 0
    await linkedin.publish(draft)
    assert len(linkedin.posts) == 1


async def test_a_crash_after_the_uploads_posts_without_uploading_again(linkedin, files):
    draft = Draft("Again", media=(files.media("image/png"), files.media("image/png")))
    linkedin.arm("publish", "refuse")
    with pytest.raises(PlatformError):
        await linkedin.publish(draft)
    uploads = linkedin.world.counts["linkedin", "upload"]
    await linkedin.publish(draft)
    assert linkedin.world.counts["linkedin", "upload"] == uploads
    assert linkedin.seen == [files.seen(item) for item in draft.media]


async def test_the_account_s_api_version_is_sent(linkedin):
    linkedin.account = replace(linkedin.account, metadata={"apiVersion": "202401"})
    error = await linkedin.refused(Draft("Old"))
    assert (error.platform_code, error.broker_code) == ("NONEXISTENT_VERSION", "INVALID_CONFIG")
    assert "LINKEDIN_API_VERSION" in (error.hint or "")
    linkedin.account = replace(linkedin.account, metadata={"apiVersion": "202611"})
    await linkedin.publish(Draft("New"))
    assert len(linkedin.posts) == 1


# -- refusals and unclear answers --------------------------------------------------------------------------------


async def test_the_same_post_twice_is_refused_by_name(linkedin):
    first = await linkedin.publish(Draft("Only once"))
    linkedin.start_over()
    error = await linkedin.refused(Draft("Only once"))
    assert (error.kind, error.platform_code) == ("content", "DUPLICATE_POST")
    assert first.id in error.message and f"/feed/update/{first.id}/" in (error.hint or "")
    assert len(linkedin.posts) == 1


def test_there_is_no_look_up_for_members():
    assert BROKER.find is None


@pytest.mark.parametrize("fault", ["lose_answer", "truncate", "error_after", "error_before", "hang"])
async def test_an_answer_that_is_none_is_unclear(linkedin, fault):
    linkedin.hurry()
    linkedin.arm("publish", fault)
    with pytest.raises(Unclear):
        await linkedin.publish(Draft("Perhaps"))
    assert linkedin.steps.sent == 1


async def test_a_created_post_without_its_id_is_unclear(linkedin):
    linkedin.world.arm_reply("linkedin", "publish", 201, {})
    with pytest.raises(Unclear):
        await linkedin.publish(Draft("Perhaps"))


@pytest.mark.parametrize("name", sorted(ROWS))
async def test_every_documented_error_is_understood(linkedin, name):
    error, row = await linkedin.answered(errors()[name], Draft("Anything")), ROWS[name]
    assert error.platform_code == name
    assert (error.kind, error.code, error.broker_code) == (row.kind, row.code, row.broker_code)
    assert error.hint == row.hint or (name == "DUPLICATE_POST" and "urn:li:share:70000001" in error.hint)
    assert (error.status, error.restart) == (errors()[name][0], row.restart)
    assert linkedin.posts == []


def test_every_row_has_an_example():
    assert set(errors()) == set(ROWS)


@pytest.mark.parametrize(
    ("fault", "kind", "broker_code"),
    [("expired_token", "auth", "AUTH_EXPIRED"), ("rate_limit", "quota", "PUBLISH_FAILED"),
     ("refuse", "config", "INVALID_CONFIG")],
)  # fmt: skip
async def test_armed_faults_are_refusals(linkedin, fault, kind, broker_code):
    linkedin.arm("publish", fault, retry_after=40)
    error = await linkedin.refused(Draft("Anything"))
    assert (error.kind, error.broker_code) == (kind, broker_code)
    if fault == "rate_limit":
        assert error.retry_after == 40


async def test_a_daily_limit_opens_at_midnight(linkedin):
    error = await linkedin.answered(errors()["429"], Draft("Anything"))
    assert 0 < (error.retry_after or 0) <= 86400
    assert "midnight UTC" in (error.hint or "")


async def test_an_unknown_refusal_keeps_what_linkedin_said(linkedin):
    error = await linkedin.answered((418, {}, {"message": "I am a teapot"}), Draft("Anything"))
    assert (error.kind, error.platform_code) == ("unknown", "418")
    assert "I am a teapot" in error.message
