"""The direction of imports."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
OURS = ("ampost_mcp", "brokers", "storage")

#: Modules below the first may not import anything below the others.
FORBIDDEN = {
    "brokers": ("ampost_mcp", "storage"),
    "storage": ("ampost_mcp", "brokers"),
    "ampost_mcp/services": (
        "starlette", "mcp", "uvicorn", "ampost_mcp.transports", "ampost_mcp.operations", "ampost_mcp.app", "ampost_mcp.auth",
    ),
    "ampost_mcp/transports": ("ampost_mcp.app", "ampost_mcp.commands"),
    "ampost_mcp/operations.py": ("starlette", "mcp", "ampost_mcp.transports", "ampost_mcp.app"),
    "ampost_mcp/errors.py": ("ampost_mcp", "brokers", "storage"),
    "ampost_mcp/tiers.py": ("ampost_mcp.services", "ampost_mcp.transports", "brokers", "storage"),
    "ampost_mcp/schemas.py": ("ampost_mcp.services", "ampost_mcp.transports", "storage", "starlette", "mcp"),
}  # fmt: skip


def imported(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path} imports relatively"
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def modules(below: str) -> list[Path]:
    start = ROOT / below
    return [start] if start.is_file() else sorted(start.rglob("*.py"))


def is_below(name: str, package: str) -> bool:
    return name == package or name.startswith(package + ".")


@pytest.mark.parametrize(("below", "never"), FORBIDDEN.items())
def test_imports_go_one_way(below: str, never: tuple[str, ...]) -> None:
    paths = modules(below)
    assert paths, f"{below} does not exist"
    wrong = [
        f"{path.relative_to(ROOT)} imports {name}"
        for path in paths for name in imported(path) for package in never
        if is_below(name, package)
    ]  # fmt: skip
    assert not wrong


def test_a_platform_never_imports_another() -> None:
    platforms = [path.name for path in (ROOT / "brokers").iterdir() if (path / "__init__.py").exists()]
    platforms.remove("sandbox")
    wrong = [
        f"{path.relative_to(ROOT)} imports {name}"
        for platform in platforms for path in modules(f"brokers/{platform}") for name in imported(path)
        if any(is_below(name, f"brokers.{other}") for other in platforms if other != platform)
    ]  # fmt: skip
    assert not wrong


def test_only_settings_reads_the_environment() -> None:
    wrong = [
        str(path.relative_to(ROOT))
        for package in OURS for path in modules(package)
        if any(is_below(name, "os.environ") or name == "os.getenv" for name in imported(path)) or reads(path)
    ]  # fmt: skip
    # The demo hands its environment on to the server that it starts; the doctor looks for names that nobody reads.
    assert set(wrong) <= {"ampost_mcp/settings.py", "ampost_mcp/commands/demo.py", "ampost_mcp/commands/doctor.py"}


def reads(path: Path) -> bool:
    return any(
        isinstance(node, ast.Attribute) and node.attr in ("environ", "getenv")
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
    )
