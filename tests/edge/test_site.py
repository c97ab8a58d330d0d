"""What anyone may read: documents, health, metrics; and what every answer carries."""

from __future__ import annotations

import httpx
import pytest
from openapi_spec_validator import OpenAPIV31SpecValidator
from starlette.routing import Route

from ampost_mcp.transports import site as site_routes
from ampost_mcp.transports.dashboard import pages
from tests.edge import wire
from tests.edge.conftest import REST, Owner, Site


@pytest.fixture
async def anyone(site: Site) -> httpx.AsyncClient:
    return httpx.AsyncClient(base_url=site.url, trust_env=False)


async def test_openapi_is_valid_and_complete(anyone: httpx.AsyncClient, site: Site) -> None:
    """Every route is in it, but the pages for people and the simulator."""
    document = (await anyone.get("/openapi.json")).json()
    OpenAPIV31SpecValidator(document).validate()
    said = {(method.upper(), path) for path, methods in document["paths"].items() for method in methods}
    for_people = {route.path for route in pages.routes(site.app)}
    served = {
        (method, route.path)
        for route in site.starlette.routes if isinstance(route, Route) and route.path not in for_people
        for method in (route.methods or ("GET", "POST", "DELETE")) if method != "HEAD"
    }  # fmt: skip
    assert set(REST.values()) <= said == served
    ids = [operation["operationId"] for methods in document["paths"].values() for operation in methods.values()]
    assert len(ids) == len(set(ids))
    created = document["paths"]["/api/v1/posts"]["post"]["responses"]
    assert "201" in created and "400" in created and "429" in created


async def test_openapi_says_who_may_ask(anyone: httpx.AsyncClient, http: httpx.AsyncClient) -> None:
    """Asked for by nobody and by a key, each GET without arguments answers as its security says."""
    document = (await anyone.get("/openapi.json")).json()
    for path, methods in document["paths"].items():
        if "get" not in methods or "{" in path or path == "/mcp":
            continue
        schemes = {name for scheme in methods["get"].get("security", document["security"]) for name in scheme}
        expected = (200, 200) if not schemes else (401, 200) if "apiKey" in schemes else (401, 403)
        assert ((await anyone.get(path)).status_code, (await http.get(path)).status_code) == expected, path
    upload = document["paths"]["/api/posts"]["post"]
    assert upload["security"] == [{"apiKey": []}, {"session": []}]
    form = upload["requestBody"]["content"]["multipart/form-data"]
    assert {"data", "files"} == set(form["schema"]["properties"]) and "content" in form["schema"]["properties"]["data"][
        "properties"
    ]


async def test_the_reference_page_needs_nothing_from_elsewhere(anyone: httpx.AsyncClient, site: Site) -> None:
    page = await anyone.get("/docs")
    assert page.headers["content-type"].startswith("text/html")
    assert "script" not in page.text
    assert "default-src 'none'" in page.headers["content-security-policy"]
    for _, path in REST.values():
        assert path in page.text
    assert site.app.settings.address in page.text


async def test_llm_txt_has_two_names(anyone: httpx.AsyncClient) -> None:
    one, two = await anyone.get("/llm.txt"), await anyone.get("/llms.txt")
    assert one.headers["content-type"] == "text/plain; charset=utf-8"
    assert one.status_code == 200 and one.text == two.text


async def test_health_readiness_and_metrics(anyone: httpx.AsyncClient) -> None:
    assert (await anyone.get("/healthz")).json()["status"] == "ok"
    ready = await anyone.get("/readyz")
    assert ready.status_code == 200, ready.text
    assert {name: check["ok"] for name, check in ready.json()["checks"].items()} == {
        "database": True, "migrations": True, "publisher": True,
    }  # fmt: skip
    assert "ampost_publisher_advancing 1.0" in (await anyone.get("/metrics")).text


async def test_a_standing_publisher_is_not_ready(site: Site) -> None:
    """Asked of an installation whose publisher has not begun to run."""
    from dataclasses import replace

    from ampost_mcp.services.scheduler import Publisher

    app = replace(site.app)
    app.publisher = Publisher(app)
    app.publisher.holds_lock = True
    checks = await site_routes.readiness(app)
    assert (checks["publisher"]["ok"], checks["database"]["ok"]) == (False, True)


@pytest.mark.parametrize("path", ["/healthz", "/docs", "/nope", "/api/v1/posts", "/mcp", "/sandbox/"])
async def test_every_answer_has_an_id_and_is_not_sniffed(anyone: httpx.AsyncClient, path: str) -> None:
    answers = [await anyone.get(path) for _ in range(2)]
    assert {answer.headers["x-content-type-options"] for answer in answers} == {"nosniff"}
    assert len({answer.headers["x-request-id"] for answer in answers}) == 2


@pytest.mark.parametrize("path", ["/api/v1/accounts", "/api/keys", "/api/auth/login", "/mcp"])
async def test_private_answers_are_not_kept(http: httpx.AsyncClient, path: str) -> None:
    assert (await http.get(path)).headers["cache-control"] == "no-store"


async def test_answers_of_tools_are_not_kept(http: httpx.AsyncClient) -> None:
    body, headers = wire.tool_call("accounts_list", {})
    answer = await http.post("/mcp", json=body, headers=headers)
    assert (answer.status_code, answer.headers["cache-control"]) == (200, "no-store")


async def test_compatibility_routes_do_the_same(http: httpx.AsyncClient, owner: Owner) -> None:
    made = (await http.post("/api/platforms/sets", json={"name": "A"})).json()["set"]
    path = f"/api/platforms/sets/{made['id']}"
    assert (await http.patch(path, json={"name": "B"})).json()["set"]["name"] == "B"
    both = [(await http.get(p)).json() for p in ("/api/platforms/sets", "/api/v1/platform-sets")]
    assert both[0] == both[1]
    assert (await http.delete(path)).json() == {"success": True}


async def test_compatibility_routes_need_a_caller(anyone: httpx.AsyncClient) -> None:
    assert (await anyone.get("/api/platforms/sets")).status_code == 401


async def test_statuses_are_the_specifications(http: httpx.AsyncClient, owner: Owner) -> None:
    body = {"content": {"text": "Hello"}, "platforms": ["threads"], "platformSetId": owner.set_id}
    made = await http.post("/api/v1/posts", json=body)
    assert made.status_code == 201
    post_id = made.json()["post"]["id"]
    assert (await http.post(f"/api/v1/posts/{post_id}/cancel")).status_code == 200
    assert (await http.post(f"/api/v1/posts/{post_id}/cancel")).status_code == 409
    assert (await http.post("/api/v1/platform-sets", json={"name": "A"})).status_code == 200
    assert (await http.request("HEAD", "/api/v1/posts")).status_code == 200
