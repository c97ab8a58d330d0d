"""The platforms that the simulator plays: one line each."""

from brokers.sandbox import threads, twitter
from brokers.sandbox.world import Part

PARTS: tuple[Part, ...] = (
    threads.PART,
    twitter.PART,
)  # fmt: skip
