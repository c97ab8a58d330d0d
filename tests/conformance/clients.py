"""Clients that people use, from outside Python, against `ampost-mcp serve` as it starts on an empty folder."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import httpx

from ampost_mcp.operations import BY_NAME
from tests.conformance import node_tools

#: Exit statuses of the Inspector.
OK, TOOL_ERROR = 0, 5


class ClientFailedError(Exception):
    """What a client said when it did not come through."""


def typescript(address: str, key: str) -> str:
    """`@modelcontextprotocol/sdk` 1.x lists, drafts, reads and publishes; it checks each result against its schema."""
    ended = node_tools.run("client.mjs", f"{address}/mcp", AMPOST_KEY=key)
    if ended.returncode:
        raise ClientFailedError(ended.stderr[-1500:])
    happened = json.loads(ended.stdout)
    if happened != {"tools": len(BY_NAME), "status": "published", "refused": "CONTENT_TOO_LONG"}:
        raise ClientFailedError(ended.stdout)
    return f"{happened['tools']} tools listed, a post {happened['status']}, an error with its code"


@dataclass
class Inspector:
    """The Inspector's command line in one era of the protocol; `called` are the tools that answered."""

    address: str
    key: str
    era: str
    called: set[str] = field(default_factory=set)

    def run(self, *arguments: str, exits: int = OK) -> dict[str, Any]:
        ended = node_tools.run(
            node_tools.INSPECTOR, "--cli", f"{self.address}/mcp", "--transport", "http", "--protocol-era", self.era,
            "--header", f"Authorization: Bearer {self.key}", "--format", "json", *arguments,
        )  # fmt: skip
        if ended.returncode != exits:
            said = (ended.stdout[-800:] + ended.stderr[-800:]).replace(self.key, "KEY")
            raise ClientFailedError(f"{' '.join(arguments)} ended with {ended.returncode}, not {exits}: {said}")
        answer: dict[str, Any] = json.loads(ended.stdout)
        return answer

    def call(self, tool: str, *, exits: int = OK, **arguments: Any) -> dict[str, Any]:
        given = ("--tool-name", tool, "--tool-args-json", json.dumps(arguments))
        answer = self.run("--method", "tools/call", *given, exits=exits)
        self.called.add(tool)
        content: dict[str, Any] = answer.get("result", answer)["structuredContent"]
        return content


def every_tool(inspector: Inspector) -> str:
    """Lists the tools without a warning about their schemas, and calls each with success."""
    listed = inspector.run("--method", "tools/list", "--strict")
    tools = listed.get("result", listed)["tools"]
    call = inspector.call
    new_set = call("platform_sets_create", name="Inspector")["set"]["id"]
    call("platform_sets_rename", platformSetId=new_set, name="Inspected")
    set_id = next(each["id"] for each in call("platform_sets_list")["sets"] if each["isDefault"])
    call("platform_sets_delete", platformSetId=new_set)
    account = next(each for each in call("accounts_list")["accounts"] if each["platform"] == "threads")
    call("accounts_get", accountId=account["id"])

    post_id = call("posts_create", text="Hello", platforms=["threads"], platformSetId=set_id)["post"]["id"]
    call("posts_update", postId=post_id, text="Hello from the Inspector")
    httpx.post(f"{inspector.address}/sandbox/_control/faults", trust_env=False,
               json={"platform": "threads", "step": "publish", "fault": "refuse", "times": 1}).raise_for_status()  # fmt: skip
    call("posts_publish", postId=post_id, exits=TOOL_ERROR)
    call("posts_retry", postId=post_id)
    if call("posts_get", postId=post_id)["post"]["status"] != "published":
        raise ClientFailedError("The post was not published.")
    second = call("posts_create", text="Bye", platforms=["threads"], platformSetId=set_id)["post"]["id"]
    call("posts_delete", postId=second)
    call("posts_list", status="published")
    if inspector.called != {tool["name"] for tool in tools} or inspector.called != set(BY_NAME):
        raise ClientFailedError(f"Not called: {set(BY_NAME) - inspector.called}")
    return f"{len(tools)} tools listed with --strict, each called"


#: Name -> what takes the server's address and a key, and says what it did.
CLIENTS: dict[str, Callable[[str, str], str]] = {
    "TypeScript SDK": typescript,
    "Inspector, 2025 protocol": lambda address, key: every_tool(Inspector(address, key, "legacy")),
    "Inspector, 2026 protocol": lambda address, key: every_tool(Inspector(address, key, "modern")),
}
