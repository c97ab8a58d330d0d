"""Every documented error of Facebook, and the simulator's own strictness."""

from __future__ import annotations

import json

import pytest

from brokers.base import Draft
from brokers.errors import RETRYABLE, PlatformError, Unclear
from brokers.facebook.errors import ROWS
from brokers.sandbox.facebook import errors
from tests.brokers.facebook_bench import JPEG, bench
from tests.brokers.media_server import hosting

hosted = pytest.fixture(hosting, name="hosted", scope="module")
#: 200 to 299 are one row; its ends stand for all.
KEYS = sorted(key for key in errors() if not "201" <= key <= "298")


@pytest.fixture
async def fb(simulator, client, tmp_path, hosted):
    return bench(simulator, client, tmp_path, hosted)


async def refused(fb, **draft):
    with pytest.raises(PlatformError) as caught:
        await fb.publish(Draft("No", **draft))
    assert fb.posts == []
    return caught.value


def says(error, row):
    assert (error.kind, error.code, error.broker_code) == (row.kind, row.code, row.broker_code)
    assert (error.hint, error.restart, error.may_have_posted) == (row.hint, row.restart, False)
    assert error.app_wide is (error.platform_code in ("4", "341"))
    assert error.hint or error.kind in RETRYABLE


@pytest.mark.parametrize("key", KEYS)
@pytest.mark.parametrize("step", ["publish", "upload"])
async def test_every_documented_error_is_read_as_its_row_says(fb, key, step):
    status, headers, body = errors()[key]
    fb.world.arm_reply("facebook", step, status, body, headers)
    error = await refused(fb, media=(fb.files.media(JPEG),))
    says(error, ROWS[key])
    assert error.platform_code == key.replace("*", "100")


async def test_every_row_can_be_armed():
    assert set(errors()) == set(ROWS)


async def test_identity_confirmation_names_what_the_manager_must_do(fb):
    body = {"error": {"message": "(#368) blocked", "code": 368, "error_subcode": 4854002, "error_user_msg": "Confirm."}}
    fb.world.arm_reply("facebook", "publish", 400, body)
    error = await refused(fb)
    assert (error.kind, error.code, error.broker_code) == ("identity", "PAGE_IDENTITY_CONFIRMATION_REQUIRED", None)
    assert error.message == "Confirm." and "mobile app" in error.hint


async def test_another_block_is_not_identity_confirmation(fb):
    fb.world.arm_reply("facebook", "publish", 400, {"error": {"message": "blocked", "code": 368}})
    error = await refused(fb)
    assert (error.kind, error.code, error.broker_code) == ("identity", "BROKER_ERROR", "PUBLISH_FAILED")


@pytest.mark.parametrize(
    ("key", "kind", "broker_code"),
    [
        ("190", "auth", "AUTH_EXPIRED"),
        ("190/460", "auth", "AUTH_REVOKED"),
        ("190/458", "auth", "AUTH_REVOKED"),
        ("190/459", "identity", "AUTH_EXPIRED"),
        ("200", "auth", "AUTH_REVOKED"),
        ("10", "auth", "AUTH_REVOKED"),
        ("32", "quota", "PLATFORM_ERROR"),
        ("2", "transient", "PLATFORM_ERROR"),
        ("506", "content", "PUBLISH_FAILED"),
        ("100/1609005", "content", "PUBLISH_FAILED"),
        ("100/1404078", "identity", "PUBLISH_FAILED"),
        ("100/1390008", "quota", "PLATFORM_ERROR"),
        ("389", "transient", None),
        ("100/1366046", "content", None),
    ],
)
async def test_what_the_table_means(fb, key, kind, broker_code):
    code, _, subcode = key.partition("/")
    said = {"message": "x", "code": int(code)} | ({"error_subcode": int(subcode)} if subcode else {})
    fb.world.arm_reply("facebook", "publish", 400, {"error": said})
    error = await refused(fb)
    assert (error.kind, error.broker_code) == (kind, broker_code)


async def test_a_page_limit_waits_as_long_as_the_usage_header_says(fb):
    usage = json.dumps({"1": [{"type": "pages", "estimated_time_to_regain_access": 3}]})
    body = {"error": {"message": "(#32) Page request limit reached", "code": 32}}
    fb.world.arm_reply("facebook", "publish", 403, body, {"x-business-use-case-usage": usage})
    error = await refused(fb)
    assert (error.kind, error.retry_after) == ("quota", 180)


async def test_an_unknown_refusal_is_refused_and_a_server_error_is_unclear(fb):
    fb.world.arm_reply("facebook", "publish", 400, {"error": {"message": "New.", "code": 987654}})
    error = await refused(fb)
    assert (error.kind, error.broker_code, error.platform_code) == ("unknown", "PLATFORM_ERROR", "987654")
    fb.world.arm_reply("facebook", "publish", 500, {"error": {"message": "New.", "code": 506}})
    with pytest.raises(Unclear):
        await fb.publish(Draft("No"))


@pytest.mark.parametrize("body", [{}, {"id": ""}, {"id": True}, [], "ok"])
async def test_a_success_without_an_id_is_unclear(fb, body):
    fb.world.arm_reply("facebook", "publish", 200, body)
    with pytest.raises(Unclear):
        await fb.publish(Draft("No"))


# -- the simulator is as strict as the platform ------------------------------------------------------------------

PICTURE = {"url": "http://127.0.0.1:9/none"}


@pytest.mark.parametrize(
    ("edge", "form", "code"),
    [
        ("feed", {}, 100),
        ("feed", {"message": "x", "mesage": "typo"}, 100),
        ("feed", {"message": "x" * 63_207}, 100),
        ("feed", {"message": "x", "link": "example.com"}, 100),
        ("feed", {"message": "x", "published": "maybe"}, 100),
        ("feed", {"message": "x", "published": "false"}, 100),
        ("feed", {"attached_media": "nonsense"}, 100),
        ("feed", {"attached_media": '[{"media_fbid": "404"}]'}, 100),
        ("feed", {"attached_media": "[]", "link": "https://example.com"}, 100),
        ("photos", {}, 324),
        ("photos", PICTURE, 389),
        ("photos", PICTURE | {"altText": "x"}, 100),
        ("photo_stories", {"photo_id": "404"}, 100),
        ("videos", {"upload_phase": "begin"}, 100),
        ("videos", {"upload_phase": "start"}, 100),
        ("videos", {"upload_phase": "start", "file_size": "-1"}, 100),
        ("videos", {"upload_phase": "transfer", "upload_session_id": "404"}, 100),
        ("videos", {"upload_phase": "finish", "upload_session_id": "404"}, 100),
        ("videos", {"description": "no file"}, 389),
        ("video_reels", {}, 100),
        ("video_reels", {"upload_phase": "finish", "video_id": "404"}, 100),
        ("video_stories", {"upload_phase": "start", "file_size": "3"}, 100),
    ],
)
async def test_a_bad_request_is_refused(fb, edge, form, code):
    page = f"https://graph.facebook.com/v26.0/{fb.account.platform_account_id}"
    with pytest.raises(PlatformError) as caught:
        await fb.api.request("POST", f"{page}/{edge}", form=form, token=fb.account.access_token)
    assert caught.value.platform_code.split("/")[0] == str(code)
    assert fb.posts == []


async def test_an_unfinished_upload_cannot_be_finished(fb):
    page, token = f"https://graph.facebook.com/v26.0/{fb.account.platform_account_id}", fb.account.access_token
    start = {"upload_phase": "start", "file_size": "9"}
    session = (await fb.api.request("POST", f"{page}/videos", form=start, token=token)).body
    finish = {"upload_phase": "finish", "upload_session_id": session["upload_session_id"]}
    with pytest.raises(PlatformError) as caught:
        await fb.api.request("POST", f"{page}/videos", form=finish, token=token)
    assert caught.value.platform_code == "6000"


@pytest.mark.parametrize(
    "headers",
    [
        {"authorization": "Bearer {token}", "offset": "0", "file_size": "4"},
        {"authorization": "OAuth wrong", "offset": "0", "file_size": "4"},
        {"authorization": "OAuth {token}", "file_size": "4"},
        {"authorization": "OAuth {token}", "offset": "2", "file_size": "4"},
        {"authorization": "OAuth {token}", "file_url": "https://video.fbcdn.net/1.mp4"},
    ],
)
async def test_rupload_refuses_wrong_headers(fb, headers):
    page, token = f"https://graph.facebook.com/v26.0/{fb.account.platform_account_id}", fb.account.access_token
    started = await fb.api.request("POST", f"{page}/video_reels", form={"upload_phase": "start"}, token=token)
    sent = {name: value.format(token=token) for name, value in headers.items()}
    with pytest.raises(PlatformError):
        await fb.api.request("POST", started.body["upload_url"], headers=sent, content=b"1234", secret=True)


@pytest.mark.parametrize(("token", "page", "code"), [(None, 0, "104"), ("wrong", 0, "190"), ("sandbox-facebook-0", 1, "100/33")])
async def test_a_wrong_token_or_page_is_refused(fb, token, page, code):
    url = f"https://graph.facebook.com/v26.0/{fb.world.identity('facebook', page).id}/feed"
    with pytest.raises(PlatformError) as caught:
        await fb.api.request("POST", url, form={"message": "x"}, token=token)
    assert caught.value.platform_code == code


async def test_a_token_without_the_scope_is_refused(fb):
    token = fb.world.issue("facebook", fb.account.platform_account_id, "access", ["pages_read_engagement"], None)
    url = f"https://graph.facebook.com/v26.0/{fb.account.platform_account_id}/feed"
    with pytest.raises(PlatformError) as caught:
        await fb.api.request("POST", url, form={"message": "x"}, token=token)
    assert (caught.value.kind, caught.value.broker_code) == ("auth", "AUTH_REVOKED")
