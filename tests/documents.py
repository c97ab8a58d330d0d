"""Reading the documents: tables, code blocks, code spans, sections."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parent.parent
NAMES = ("README.md", "llm.txt", "brokers/README.md", "compose.yaml")
DOCUMENTS = {name: (ROOT / name).read_text("utf-8") for name in NAMES}
README, LLM, ADDING, COMPOSE = DOCUMENTS.values()


def table(text: str, *heads: str) -> list[dict[str, str]]:
    """The rows, by column, of the first table whose header begins with `heads`."""
    lines = text.splitlines()
    start = next(n for n, line in enumerate(lines) if _cells(line)[: len(heads)] == list(heads))
    columns = _cells(lines[start])
    rows = []
    for line in lines[start + 2 :]:
        if not line.startswith("|"):
            break
        rows.append(dict(zip(columns, _cells(line), strict=True)))
    return rows


def _cells(line: str) -> list[str]:
    return [cell.strip() for cell in line.strip().strip("|").split("|")] if line.startswith("|") else []


def blocks(text: str, language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)\n```$", text, re.M | re.S)


def spans(text: str) -> list[str]:
    """What stands between backticks, code blocks left out. A span may run over a line's end."""
    return [" ".join(span.split()) for span in re.findall(r"`([^`]+)`", re.sub(r"^```.*?^```$", "", text, flags=re.M | re.S))]


def section(text: str, heading: str) -> str:
    """From a heading to the next one of any rank."""
    return re.split(r"^#", text.partition(f"\n{heading}\n")[2], maxsplit=1, flags=re.M)[0]


def marked(text: str, name: str) -> str:
    """The code block behind `<!-- name -->`."""
    return re.search(rf"<!-- {re.escape(name)} -->\n```\w+\n(.*?)\n```", text, re.S)[1]  # type: ignore[index]


def numbers(text: str) -> list[int]:
    return [int(found.replace(",", "")) for found in re.findall(r"\d[\d,]*", text)]


def choices(schema: Any) -> set[str]:
    """Every value that a JSON schema offers a choice of."""
    if isinstance(schema, dict):
        own = {str(value) for value in [*schema.get("enum", ()), *([schema["const"]] if "const" in schema else [])]}
        return own.union(*map(choices, schema.values()))
    return set().union(*map(choices, schema)) if isinstance(schema, list) else set()
