"""Spans: what an attempt did, in order, and nothing that must not leave the server."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from ampost_mcp.context import App
from brokers.errors import PlatformError, Unclear
from tests.publishing.conftest import Author, Script, publisher, raises

Scripts = dict[str, Script]
Told = tuple[str, str | None, dict[str, Any]]


@pytest.fixture
def spans(app: App) -> Iterator[InMemorySpanExporter]:
    exporter = InMemorySpanExporter()
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    app.tracer = provider.get_tracer("tests")
    yield exporter
    provider.shutdown()


def told(spans: InMemorySpanExporter) -> list[Told]:
    """`(name, parent's name, {attribute without "ampost.": value})` in the order in which they began."""
    found = sorted(spans.get_finished_spans(), key=lambda span: span.start_time or 0)
    names = {span.context.span_id: span.name for span in found}
    return [
        (span.name.removeprefix("ampost "), names.get(span.parent.span_id) if span.parent else None,
         {key.removeprefix("ampost."): value for key, value in (span.attributes or {}).items()})
        for span in found
    ]  # fmt: skip


async def test_a_publish_is_an_attempt_with_its_steps(
    app: App, author: Author, scripts: Scripts, spans: InMemorySpanExporter
) -> None:
    async with publisher(app):
        post = await author.publish(await author.draft("a text that stays here"))
    its = post["platformPosts"][0]
    attempt = {
        "platform": "threads", "post_id": post["id"], "platform_post_id": its["id"], "attempt": 1, "outcome": "published",
    }  # fmt: skip
    assert told(spans) == [
        ("attempt", None, attempt),
        ("upload", "ampost attempt", {"platform": "threads", "step": "container", "outcome": "done"}),
        ("publish", "ampost attempt", {"platform": "threads", "step": "release", "outcome": "done"}),
    ]
    everything = "".join(span.to_json() for span in spans.get_finished_spans())
    assert "a text that stays here" not in everything and "token-of-" not in everything


@pytest.mark.parametrize(
    ("error", "outcome", "code", "looks"),
    [
        (Unclear("read 'a text'"), "unknown", "PUBLISH_OUTCOME_UNKNOWN", ["not_seen"]),
        (PlatformError("It says 'a text'.", kind="content"), "refused", "BROKER_ERROR", []),
    ],
)
async def test_what_failed_says_how_but_not_in_the_platforms_words(
    app: App, author: Author, scripts: Scripts, spans: InMemorySpanExporter,
    error: Exception, outcome: str, code: str, looks: list[str],
) -> None:  # fmt: skip
    scripts["threads"].sends = [raises(error)]
    async with publisher(app):
        await author.publish(await author.draft())
    found = {name: its for name, _, its in told(spans)}
    assert found["publish"]["outcome"] == outcome
    assert (found["attempt"]["outcome"], found["attempt"]["code"]) == ("failed", code)
    assert [its["outcome"] for name, _, its in told(spans) if name == "look"] == looks
    failed = {span.name for span in spans.get_finished_spans() if not span.status.is_ok}
    assert failed == {"ampost publish", "ampost attempt"}
    assert "a text" not in "".join(span.to_json() for span in spans.get_finished_spans())


async def test_a_step_that_the_journal_answers_is_no_step(
    app: App, author: Author, scripts: Scripts, spans: InMemorySpanExporter
) -> None:
    limited = PlatformError("Slow down.", kind="quota", retry_after=0.05)
    scripts["threads"].sends = [raises(limited), lambda: None]
    async with publisher(app):
        await author.publish(await author.draft())
    assert [name for name, _, _ in told(spans)] == ["attempt", "upload", "publish", "attempt", "publish"]
    assert [its["outcome"] for name, _, its in told(spans) if name == "attempt"] == ["pending", "published"]
