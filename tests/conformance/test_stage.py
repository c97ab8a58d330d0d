"""The part of `make conformance` that needs no Node: what the harness meets is the product, with its checks in place."""

from __future__ import annotations

from pathlib import Path

import httpx

from ampost_mcp.app import build
from ampost_mcp.operations import BY_NAME
from tests.conformance.fixtures import Conforming
from tests.conformance.stage import harness_server
from tests.edge import wire
from tests.edge.conftest import settings_for
from tests.serving import serving


async def test_the_fixtures_stand_beside_the_products_tools(tmp_path: Path) -> None:
    with harness_server(tmp_path, streaming=False) as url:
        async with httpx.AsyncClient(base_url=url.removesuffix("/mcp"), trust_env=False) as http:
            listed = await http.post("/mcp", json=wire.modern("tools/list"), headers=wire.modern_headers("tools/list"))
            body, headers = wire.tool_call("test_simple_text", {})
            called = await http.post("/mcp", json=body, headers=headers)
    names = [tool["name"] for tool in wire.result_of(listed)["tools"]]
    assert names[: len(BY_NAME)] == list(BY_NAME)
    assert "test_simple_text" in names
    assert wire.result_of(called)["content"][0]["text"]


def test_the_fixtures_open_no_door(tmp_path: Path) -> None:
    settings = settings_for(tmp_path)
    with serving(build(settings, mcp=Conforming), settings.port) as url:
        refused = httpx.post(f"{url}/mcp", json=wire.initialize(), headers=wire.ACCEPT, trust_env=False)
    assert refused.status_code == 401
