"""The platforms that the simulator plays: one line each."""

from brokers.sandbox import instagram, threads, twitter
from brokers.sandbox.world import Part

PARTS: tuple[Part, ...] = (
    instagram.PART,
    threads.PART,
    twitter.PART,
)  # fmt: skip
