"""The platforms that the simulator plays: one line each."""

from brokers.sandbox import facebook, instagram, linkedin, threads, tiktok, twitter, youtube
from brokers.sandbox.world import Part

PARTS: tuple[Part, ...] = (
    facebook.PART,
    instagram.PART,
    linkedin.PART,
    threads.PART,
    tiktok.PART,
    twitter.PART,
    youtube.PART,
)  # fmt: skip
