"""What agents may read beside the tools: the reference, each platform's limits, and two prompts."""

from __future__ import annotations

import json
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mcp.server.mcpserver.exceptions import ResourceNotFoundError
from mcp_types import Completion, CompletionArgument

import ampost_mcp
from ampost_mcp.context import App
from brokers.accepts import Accepts, Limits

if TYPE_CHECKING:
    from mcp.server.mcpserver import MCPServer

VERSION = version("ampost-mcp")


def reference() -> str:
    """`llm.txt`: inside the installed package, or at the root of a checkout."""
    package = Path(ampost_mcp.__file__).parent
    return next(p for p in (package / "llm.txt", package.parent / "llm.txt") if p.exists()).read_text("utf-8")


def add_to(server: MCPServer[Any], app: App) -> None:
    @server.resource(
        "ampost://docs/llm.txt", name="reference", title="Ampost reference", mime_type="text/markdown",
        description="The whole reference: REST, MCP, platforms, errors.",
    )  # fmt: skip
    def llm_txt() -> str:
        return reference()

    @server.resource(
        "ampost://platforms/{platform}", name="platform_limits", title="What a platform accepts",
        mime_type="application/json",
        description="Text and media limits, placements, settings and scheduling of one platform, by its key.",
    )  # fmt: skip
    def platform_limits(platform: str) -> str:
        broker = app.brokers.get(platform)
        if broker is None:
            raise ResourceNotFoundError(f"The platforms are {', '.join(app.brokers)}.")
        return json.dumps(limits_of(broker.accepts), ensure_ascii=False)

    @server.completion()  # type: ignore[no-untyped-call,untyped-decorator]
    async def complete(ref: Any, argument: CompletionArgument, context: Any) -> Completion | None:
        if argument.name not in ("platform", "platforms"):
            return None
        return Completion(values=[key for key in app.brokers if key.startswith(argument.value.lower())])

    @server.prompt(title="Write a post", description="Drafts a post for chosen platforms and shows it before publishing.")
    def write_post(topic: str, platforms: str = "those that are connected") -> str:
        return (
            f"Write a social media post about: {topic}\nPlatforms: {platforms}.\n"
            "Look at accounts_list and platform_sets_list first, and at ampost://platforms/{platform} for the limits. "
            "Create it as a draft with posts_create, show me the text for each platform, and publish only when I say so."
        )

    @server.prompt(title="Find out why a post failed", description="Reads a post's errors and says what to do.")
    def diagnose_post(post_id: str) -> str:
        return (
            f"Call posts_get with postId {post_id}. For each platform that failed, explain error.code and error.message "
            "in plain words and what I can do. Propose posts_retry only where it can help; when the code is "
            "PUBLISH_OUTCOME_UNKNOWN, ask me to look at the account first."
        )


def limits_of(accepts: Accepts) -> dict[str, Any]:
    """A platform's row as JSON."""
    return {
        "platform": accepts.platform,
        "title": accepts.title,
        "texts": [{"name": t.name, "limit": t.limit, "unit": t.unit} for t in accepts.texts],
        "textOnly": accepts.text_only,
        "scheduling": accepts.schedules,
        "link": accepts.link,
        "mixesMedia": accepts.mixes,
        "media": {
            name: {"mimeTypes": list(kind.mime_types), "most": kind.most, **_limits(kind.limits),
                   "explicitOnly": name in accepts.explicit_media}
            for name, kind in accepts.kinds.items()
        },
        "placements": {
            name: {"kinds": {kind: _limits(limits) for kind, limits in placement.kinds.items()},
                   "least": placement.least, "most": placement.most}
            for name, placement in accepts.placements.items()
        },
        "settings": accepts.settings.model_json_schema(by_alias=True).get("properties", {}),
        "source": accepts.source,
        "read": accepts.read.isoformat(),
    }  # fmt: skip


def _limits(limits: Limits) -> dict[str, Any]:
    said = {"maxBytes": limits.max_bytes, "seconds": limits.seconds, "ratio": limits.ratio, "maxPixels": limits.max_pixels}
    return {name: value for name, value in said.items() if value is not None}
