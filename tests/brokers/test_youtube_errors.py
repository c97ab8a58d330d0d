"""What YouTube refuses, at once and later, and what it means."""

from __future__ import annotations

import pytest

from brokers.base import Draft
from brokers.errors import RETRYABLE, PlatformError, Unclear
from brokers.sandbox.youtube import errors
from brokers.sandbox.youtube_answers import OAUTH
from brokers.youtube import BROKER
from brokers.youtube.errors import REFUSALS, VERDICTS
from tests.brokers.bench import Bench


@pytest.fixture
async def youtube(simulator, client, files):
    return Bench(BROKER, simulator, client, files)


async def test_a_file_that_is_no_video_fails(youtube, files):
    with pytest.raises(PlatformError) as caught:
        await youtube.publish(Draft("Text", files.film(content="text/plain")))
    said = caught.value
    assert (said.kind, said.code, said.broker_code) == ("content", "MEDIA_UPLOAD_FAILED", None)
    assert said.platform_code == "failed/invalidFile" and "MP4" in said.hint
    assert youtube.posts == []


@pytest.mark.parametrize("verdict", [verdict for verdict in VERDICTS if "/" in verdict])
async def test_what_became_of_a_video_is_told(youtube, files, verdict):
    youtube.world.identity("youtube").extra["verdict"] = verdict
    with pytest.raises(PlatformError) as caught:
        await youtube.publish(Draft("Judged", files.film()))
    row, said = VERDICTS[verdict], caught.value
    assert (said.kind, said.code, said.broker_code, said.hint) == (row.kind, row.code, row.broker_code, row.hint)
    assert said.platform_code == verdict


@pytest.mark.parametrize("reason", [reason for reason in errors() if reason not in OAUTH])
async def test_every_documented_refusal_is_understood(youtube, files, reason):
    status, headers, body = errors()[reason]
    youtube.world.arm_reply("youtube", "upload", status, body, headers)
    with pytest.raises(Unclear if status >= 500 else PlatformError) as caught:
        await youtube.publish(Draft("Refused", files.film()))
    if status >= 500:
        assert reason in str(caught.value)
        return
    row, said = REFUSALS[reason], caught.value
    assert (said.kind, said.code, said.broker_code, said.hint) == (row.kind, row.code, row.broker_code, row.hint)
    assert (said.platform_code, said.status, said.retry_after) == (reason, status, row.retry_after)
    assert (said.hint or said.kind in RETRYABLE) and youtube.posts == []


async def test_youtube_itself_says_how_long_to_wait(youtube, files):
    status, _, body = errors()["quotaExceeded"]
    youtube.world.arm_reply("youtube", "upload", status, body, {"retry-after": "7"})
    with pytest.raises(PlatformError) as caught:
        await youtube.publish(Draft("Too much", files.film()))
    assert (caught.value.kind, caught.value.retry_after) == ("quota", 7)


@pytest.mark.parametrize("status", [401, 403, 418])
async def test_a_refusal_without_a_known_reason_is_still_one(youtube, files, status):
    youtube.world.arm_reply("youtube", "upload", status, {"error": {"code": status, "message": "new"}})
    with pytest.raises(PlatformError) as caught:
        await youtube.publish(Draft("Refused", files.film()))
    assert caught.value.kind == {401: "auth", 403: "identity", 418: "unknown"}[status]
