"""What a request works with: the open resources, and who is asking."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from opentelemetry.trace import Tracer, get_tracer

if TYPE_CHECKING:
    import httpx

    from ampost_mcp.services.scheduler import Publisher
    from ampost_mcp.settings import Settings
    from brokers.base import Broker
    from storage.database import Database
    from storage.sealing import Keyring

Clock = Callable[[], datetime]


def utc_now() -> datetime:
    return datetime.now(UTC)


@dataclass
class App:
    """The open resources of a process. `clock` is handed in so that tests own time; `process` names this process in
    leases; `extras` holds what only one transport knows."""

    settings: Settings
    db: Database
    keyring: Keyring
    http: httpx.AsyncClient
    brokers: dict[str, Broker]
    clock: Clock = utc_now
    process: str = field(default_factory=lambda: uuid4().hex)
    publisher: Publisher | None = None
    extras: dict[str, Any] = field(default_factory=dict)
    tracer: Tracer = field(default_factory=lambda: get_tracer("ampost-mcp"))

    def wake(self) -> None:
        """Tells this process's publisher that something may be due. (Other processes learn it from PostgreSQL.)"""
        if self.publisher is not None:
            self.publisher.wake()


@dataclass(frozen=True)
class Caller:
    """Who asks: a user by bearer key or by browser session. `owner_tag` marks the user's rows in the search index."""

    user_id: str
    email: str
    tier: str
    owner_tag: str
    key_id: str | None = None
    session_id: str | None = None
