"""OpenTelemetry spans of publishing: an attempt, its steps, its look-ups. They name ids and outcomes, never a text, a token
or an address. Without a configured SDK they cost next to nothing."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TypeVar

import structlog
from opentelemetry import trace
from opentelemetry.trace import Span, StatusCode

from ampost_mcp.context import App
from ampost_mcp.services.steps import JournalSteps, OutcomeUnknown
from ampost_mcp.settings import traces_are_wanted
from brokers.errors import NotSent, PlatformError
from brokers.platform_http import PlatformHttp

log = structlog.get_logger("ampost.tracing")
T = TypeVar("T")

#: What an exception says about the step that it ended.
OUTCOMES: dict[type[Exception], str] = {OutcomeUnknown: "unknown", NotSent: "not sent", PlatformError: "refused"}


def configure() -> None:
    """Sends spans where the standard `OTEL_*` variables say, if any do. Needs the extra `otel`."""
    if not traces_are_wanted():
        return
    try:
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
        from opentelemetry.sdk.resources import OTELResourceDetector, Resource
        from opentelemetry.sdk.trace import TracerProvider
        from opentelemetry.sdk.trace.export import BatchSpanProcessor
    except ImportError:
        log.warning("tracing.unavailable", fix="pip install 'ampost-mcp[otel]', or unset the OTEL_ variables")
        return
    named = Resource({"service.name": "ampost-mcp"}).merge(OTELResourceDetector().detect())
    provider = TracerProvider(resource=named)
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
    trace.set_tracer_provider(provider)


@contextmanager
def span(app: App, name: str, **about: str | int) -> Iterator[Span]:
    """A span with attributes `ampost.NAME`; an exception becomes its outcome, without its words, which may quote the post."""
    attributes = {f"ampost.{key}": value for key, value in about.items()}
    with app.tracer.start_as_current_span(
        name, attributes=attributes, record_exception=False, set_status_on_exception=False
    ) as current:
        try:
            yield current
        except Exception as error:
            ends(current, OUTCOMES.get(type(error), type(error).__name__), failed=True)
            raise


def ends(current: Span, outcome: str, *, code: str | None = None, failed: bool = False) -> None:
    """Says how a span ended."""
    current.set_attribute("ampost.outcome", outcome)
    if code is not None:
        current.set_attribute("ampost.code", code)
    if failed:
        current.set_status(StatusCode.ERROR)


@dataclass(frozen=True)
class TracedSteps:
    """`brokers.base.Steps` with a span around each step that the journal does not answer."""

    steps: JournalSteps

    async def upload(self, name: str, do: Callable[[], Awaitable[T]]) -> T:
        return await self._traced("upload", name, lambda: self.steps.upload(name, do))

    async def wait(self, name: str, ask: Callable[[], Awaitable[T | None]], *, every: float, limit: float) -> T:
        return await self._traced("wait", name, lambda: self.steps.wait(name, ask, every=every, limit=limit))

    async def publish(self, name: str, do: Callable[[PlatformHttp], Awaitable[T]]) -> T:
        return await self._traced("publish", name, lambda: self.steps.publish(name, do))

    async def _traced(self, verb: str, name: str, step: Callable[[], Awaitable[T]]) -> T:
        if name in self.steps.known:
            return await step()
        with span(self.steps.app, f"ampost {verb}", platform=self.steps.claim.platform, step=name) as current:
            result = await step()
            ends(current, "done")
            return result
