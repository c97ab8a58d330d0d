"""LinkedIn's own Python client takes the simulator for LinkedIn: what it can do there, the broker may rely on."""

from __future__ import annotations

from urllib.parse import parse_qs, urlsplit

import pytest
import requests
from linkedin_api.clients.auth.client import AuthClient
from linkedin_api.clients.restli.client import RestliClient
from linkedin_api.common import constants

from tests.brokers.pushed import HEADS

VERSION = "202605"
SCOPES = ["openid", "profile", "email", "w_member_social"]


@pytest.fixture
def root(simulator, monkeypatch):
    root = simulator.root
    monkeypatch.setattr(constants, "VERSIONED_BASE_URL", f"{root}/api.linkedin.com/rest")
    monkeypatch.setattr(constants, "NON_VERSIONED_BASE_URL", f"{root}/api.linkedin.com/v2")
    monkeypatch.setattr(constants, "OAUTH_BASE_URL", f"{root}/www.linkedin.com/oauth/v2")
    return root


@pytest.fixture
def sdk(root):
    return RestliClient()


@pytest.fixture
def token(simulator):
    return simulator.world.standing_token("linkedin")


@pytest.fixture
def author(simulator):
    return f"urn:li:person:{simulator.world.identity('linkedin', 0).id}"


def post(author, text, **content):
    distribution = {"feedDistribution": "MAIN_FEED", "targetEntities": [], "thirdPartyDistributionChannels": []}
    whole = {
        "author": author, "commentary": text, "visibility": "PUBLIC", "distribution": distribution,
        "lifecycleState": "PUBLISHED", "isReshareDisabledByAuthor": False,
    }  # fmt: skip
    return whole | ({"content": content} if content else {})


def act(sdk, token, path, action, **given):
    return sdk.action(
        resource_path=path, action_name=action, action_params={f"{action}Request": given}, access_token=token,
        version_string=VERSION,
    )  # fmt: skip


def create(sdk, token, entity, version=VERSION):
    return sdk.create(resource_path="/posts", entity=entity, access_token=token, version_string=version)


def test_it_posts_a_picture(sdk, token, author, simulator):
    begun = act(sdk, token, "/images", "initializeUpload", owner=author).value
    data = HEADS["image/jpeg"] + b"picture"
    sent = requests.put(begun["uploadUrl"], data=data, headers={"Authorization": f"Bearer {token}"}, timeout=5)
    assert sent.status_code == 201
    made = create(sdk, token, post(author, "From the client", media={"id": begun["image"], "altText": "A picture"}))
    (seen,) = simulator.world.ledger.posts
    assert (made.status_code, made.decoded_entity_id) == (201, seen.id)
    assert (seen.text, seen.media[0]["altText"], seen.media[0]["size"]) == ("From the client", "A picture", len(data))


def test_it_posts_a_film_in_parts(sdk, token, author, simulator):
    data = HEADS["video/mp4"] + bytes(5 * 1024 * 1024)
    begun = act(
        sdk, token, "/videos", "initializeUpload", owner=author, fileSizeBytes=len(data), uploadCaptions=False,
        uploadThumbnail=False,
    ).value  # fmt: skip
    parts = [
        requests.put(each["uploadUrl"], data=data[each["firstByte"] : each["lastByte"] + 1], timeout=5)
        for each in begun["uploadInstructions"]
    ]
    etags = [answer.headers["etag"].strip('"') for answer in parts]
    assert len(etags) == 2
    act(sdk, token, "/videos", "finalizeUpload", video=begun["video"], uploadToken="", uploadedPartIds=etags)
    status = sdk.get(
        resource_path="/videos/{id}", path_keys={"id": begun["video"]}, access_token=token, version_string=VERSION
    ).entity["status"]
    assert status == "AVAILABLE"
    made = create(sdk, token, post(author, "A film", media={"id": begun["video"]}))
    assert made.decoded_entity_id.startswith("urn:li:ugcPost:")


def test_parts_out_of_order_are_refused(sdk, token, author):
    data = HEADS["video/mp4"] + bytes(5 * 1024 * 1024)
    begun = act(sdk, token, "/videos", "initializeUpload", owner=author, fileSizeBytes=len(data)).value
    etags = [
        requests.put(each["uploadUrl"], data=data[each["firstByte"] : each["lastByte"] + 1], timeout=5)
        .headers["etag"].strip('"')
        for each in begun["uploadInstructions"]
    ]  # fmt: skip
    done = act(sdk, token, "/videos", "finalizeUpload", video=begun["video"], uploadToken="", uploadedPartIds=etags[::-1])
    assert done.status_code == 400


def test_it_is_told_of_a_duplicate(sdk, token, author):
    first = create(sdk, token, post(author, "Twice")).decoded_entity_id
    second = create(sdk, token, post(author, "Twice"))
    assert second.status_code == 422
    assert first in second.response.json()["message"]


@pytest.mark.parametrize(("version", "status"), [("202401", 426), ("209901", 426), (None, 404), ("202611.01", 201)])
def test_only_a_living_version_is_served(sdk, token, author, version, status):
    assert create(sdk, token, post(author, "Versioned"), version).status_code == status


@pytest.mark.parametrize(
    "change",
    [{"surprise": 1}, {"visibility": "EVERYONE"}, {"author": "urn:li:person:other"}, {"lifecycleState": "DRAFT"},
     {"distribution": {}}, {"content": {"media": {"id": "urn:li:image:none"}}}, {"commentary": "x" * 3001}],
)  # fmt: skip
def test_a_wrong_body_is_refused(sdk, token, author, change, simulator):
    answer = create(sdk, token, post(author, "Wrong") | change)
    assert 400 <= answer.status_code < 500
    assert simulator.world.ledger.posts == []


def test_it_connects_and_refreshes(root, sdk, simulator):
    auth = AuthClient("an-app-refresh", "a-secret", "https://ampost.test/callback")
    where = auth.generate_member_auth_url(SCOPES, state="s").replace("https:/", root)
    answer = requests.get(f"{where}&choose=0", allow_redirects=False, timeout=5)
    code = parse_qs(urlsplit(answer.headers["location"]).query)["code"][0]
    first = auth.exchange_auth_code_for_access_token(code)
    assert first.expires_in == 5184000 and "w_member_social" in first.scope
    again = auth.exchange_refresh_token_for_access_token(first.refresh_token)
    assert again.access_token != first.access_token
    assert auth.introspect_access_token(again.access_token).active is True
    who = sdk.get(resource_path="/userinfo", access_token=again.access_token).entity
    assert who["sub"] == simulator.world.identity("linkedin", 0).id
