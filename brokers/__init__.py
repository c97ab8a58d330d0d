"""How each platform is spoken to, and what it accepts. `BROKERS` is the list: one line a platform."""

from __future__ import annotations

from brokers import facebook, instagram, linkedin, threads, tiktok, twitter, youtube
from brokers.base import Broker

BROKERS: dict[str, Broker] = {
    broker.key: broker
    for broker in (
        facebook.BROKER,
        instagram.BROKER,
        linkedin.BROKER,
        threads.BROKER,
        tiktok.BROKER,
        twitter.BROKER,
        youtube.BROKER,
    )
}  # fmt: skip
