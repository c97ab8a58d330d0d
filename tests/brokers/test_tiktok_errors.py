"""What TikTok refuses, at once and later, and what it means."""

from __future__ import annotations

from dataclasses import replace

import pytest

from brokers.base import Draft
from brokers.errors import RETRYABLE, PlatformError, Unclear
from brokers.sandbox.tiktok import errors
from brokers.sandbox.tiktok_answers import OAUTH
from brokers.tiktok import BROKER
from brokers.tiktok.errors import FAILURES, REFUSALS
from tests.brokers.bench import Bench
from tests.brokers.media_server import PNG


@pytest.fixture
async def tiktok(simulator, client, files):
    return Bench(BROKER, simulator, client, files)


@pytest.mark.parametrize("reason", list(FAILURES))
async def test_every_fail_reason_is_told(tiktok, files, reason):
    tiktok.limits.update(fail_reason=reason)
    draft = Draft("Judged", files.film())
    said, row = await tiktok.refused(draft), FAILURES[reason]
    assert (said.kind, said.code, said.broker_code, said.hint) == (row.kind, row.code, row.broker_code, row.hint)
    assert said.platform_code == reason and reason in said.message and (said.hint or said.kind in RETRYABLE)
    sighting = await tiktok.find(draft)
    assert (sighting.state, sighting.error.platform_code) == ("refused", reason)


async def test_files_that_tiktok_cannot_use_fail(tiktok, files, hosted):
    assert (await tiktok.refused(Draft("Text", files.film(content="text/plain")))).code == "MEDIA_UPLOAD_FAILED"
    tiktok.start_over()
    said = await tiktok.refused(Draft("Drawing", (hosted.media("image", PNG),)))
    assert said.platform_code == "file_format_check_failed"
    tiktok.start_over()
    said = await tiktok.refused(Draft("Nowhere", (replace(hosted.photos(1)[0], source=hosted.nowhere()),)))
    assert said.platform_code == "photo_pull_failed"


@pytest.mark.parametrize("code", [code for code in errors() if code not in OAUTH])
@pytest.mark.parametrize("with_200", [False, True])
async def test_every_documented_refusal_is_understood(tiktok, files, code, with_200):
    status, headers, body = errors()[code]
    status = 200 if with_200 else status
    tiktok.world.arm_reply("tiktok", "upload", status, body, headers)
    with pytest.raises(Unclear if status >= 500 else PlatformError) as caught:
        await tiktok.publish(Draft("Refused", files.film()))
    assert tiktok.posts == []
    if status >= 500:
        assert code in str(caught.value)
        return
    row, said = REFUSALS[code], caught.value
    assert (said.kind, said.code, said.broker_code, said.hint) == (row.kind, row.code, row.broker_code, row.hint)
    assert (said.platform_code, said.status, said.retry_after) == (code, status, row.retry_after)
    assert said.may_have_posted == (code == "internal_error") and (said.hint or said.kind in RETRYABLE)


async def test_photos_refused_at_once_were_surely_not_posted(tiktok, hosted):
    status, headers, body = errors()["url_ownership_unverified"]
    tiktok.world.arm_reply("tiktok", "publish", status, body, headers)
    said = await tiktok.refused(Draft("Refused", hosted.photos(1)))
    assert (said.kind, said.broker_code, said.may_have_posted) == ("config", "INVALID_CONFIG", False)
    assert "AMPOST_PUBLIC_URL" in said.hint


async def test_an_unknown_code_is_still_a_refusal(tiktok, files):
    body = {"data": {}, "error": {"code": "something_new", "message": "no", "log_id": "1"}}
    tiktok.world.arm_reply("tiktok", "upload", 200, body)
    said = await tiktok.refused(Draft("New", files.film()))
    assert (said.kind, said.broker_code, said.platform_code) == ("unknown", "PLATFORM_ERROR", "something_new")


async def test_tiktok_says_how_long_to_wait(tiktok, files):
    tiktok.arm("upload", "rate_limit", retry_after=7)
    said = await tiktok.refused(Draft("Too much", files.film()))
    assert (said.kind, said.retry_after) == ("quota", 7)
