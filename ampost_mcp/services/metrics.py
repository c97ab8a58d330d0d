"""What `/metrics` shows, in Prometheus' words."""

from __future__ import annotations

from datetime import datetime

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from sqlalchemy import func, select
from sqlmodel import Session

from ampost_mcp.context import App
from storage import breakers, journal
from storage.queue import PLATFORM_POSTS

REGISTRY = CollectorRegistry()
OUTCOMES = Counter("ampost_platform_posts", "Ends of publish attempts.", ["platform", "outcome", "code"], registry=REGISTRY)
LATENESS = Histogram(
    "ampost_publish_lateness_seconds", "From the due time to the claim.", ["platform"], registry=REGISTRY,
    buckets=(0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 15, 60, 300, 3600),
)  # fmt: skip
REFRESHES = Counter("ampost_token_refreshes", "Token refreshes.", ["platform", "result"], registry=REGISTRY)
WAITING = Gauge("ampost_lane_depth", "Due platform posts that wait for their lane.", ["platform"], registry=REGISTRY)
RUNNING = Gauge("ampost_running", "Platform posts being published now.", ["platform"], registry=REGISTRY)
PAUSED = Gauge(
    "ampost_platform_paused_seconds", "Until something is sent to the platform again; 0 unless it stopped answering.",
    ["platform"], registry=REGISTRY,
)  # fmt: skip
OPEN_INTENTS = Gauge("ampost_open_intents", "Irreversible requests whose outcome is not recorded yet.", registry=REGISTRY)
ADVANCING = Gauge("ampost_publisher_advancing", "1 while this process's publisher advances.", registry=REGISTRY)


async def render(app: App) -> bytes:
    """The metrics page; the gauges are read from the database when it is asked for."""
    waiting, running, paused, intents = await app.db.read(_gauges, app.clock())
    for gauge, counts in ((WAITING, waiting), (RUNNING, running), (PAUSED, paused)):
        gauge.clear()
        for platform in app.brokers:
            gauge.labels(platform).set(counts.get(platform, 0))
    OPEN_INTENTS.set(intents)
    if app.publisher is not None:
        ADVANCING.set((await app.publisher.health())["advancing"])
    return generate_latest(REGISTRY)


def _gauges(session: Session, now: datetime) -> tuple[dict[str, float], dict[str, float], dict[str, float], int]:
    p = PLATFORM_POSTS
    by_platform = select(p.c.platform, func.count()).group_by(p.c.platform)
    waiting = session.execute(by_platform.where(p.c.next_at <= now, p.c.owner.is_(None))).all()
    running = session.execute(by_platform.where(p.c.owner.is_not(None))).all()
    paused = {platform: (until - now).total_seconds() for platform, until in breakers.paused(session, now).items()}
    return dict(waiting), dict(running), paused, journal.open_intents(session)
