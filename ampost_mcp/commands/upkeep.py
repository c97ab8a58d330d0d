"""Commands around an installation: schema, keys, documents, client configuration."""

from __future__ import annotations

import json
import sys
from importlib.metadata import version as installed_version
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ampost_mcp.commands.opening import opened

if TYPE_CHECKING:
    from ampost_mcp.settings import Settings


def migrate(data_dir: str | None = None) -> None:
    from storage.migrate import head

    with opened(data_dir):
        sys.stdout.write(f"The database is at revision {head()}.\n")


def rotate_keys(data_dir: str | None = None) -> None:
    """Seals every stored token anew with the first key of the ring."""
    from storage.accounts import reseal

    with opened(data_dir) as app:
        changed = app.db.write_here(reseal, app.keyring)
        sys.stdout.write(f"{changed} tokens now use the first of AMPOST_SECRET_KEYS; older keys can go.\n")


def openapi() -> None:
    from ampost_mcp.settings import load
    from ampost_mcp.transports.openapi import document

    json.dump(document(load()), sys.stdout, indent=2)
    sys.stdout.write("\n")


def version() -> None:
    sys.stdout.write(f"ampost-mcp {installed_version('ampost-mcp')}\n")


def mcp_config(client: str, key: str, data_dir: str | None = None) -> None:
    from ampost_mcp.settings import load

    sys.stdout.write(client_config(client, load(data_dir=data_dir), key) + "\n")


def client_config(client: str, settings: Settings, key: str) -> str:
    """What to paste for a client: a command for Claude Code, JSON for the others."""
    url, header = f"{settings.address}/mcp", f"Bearer {key}"
    remote: dict[str, Any] = {"url": url, "headers": {"Authorization": header}}
    local = {"command": _own_path(), "args": ["stdio", "--data-dir", str(settings.data_dir.absolute())]}
    forms: dict[str, Any] = {
        "claude-code": f'claude mcp add --transport http ampost {url} --header "Authorization: {header}"',
        # Claude Desktop reaches servers with a bearer key only as a local process, which it starts in a folder of its own.
        "claude-desktop": {"mcpServers": {"ampost": local}},
        "cursor": {"mcpServers": {"ampost": remote}},
        "vscode": {"servers": {"ampost": {"type": "http", **remote}}},
    }
    form = forms[client]
    return form if isinstance(form, str) else json.dumps(form, indent=2)


def _own_path() -> str:
    beside = Path(sys.executable).parent / "ampost-mcp"
    return str(beside) if beside.exists() else "ampost-mcp"
