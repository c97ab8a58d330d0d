"""The platforms that the simulator plays: one line each."""

from brokers.sandbox import threads
from brokers.sandbox.world import Part

PARTS: tuple[Part, ...] = (
    threads.PART,
)  # fmt: skip
