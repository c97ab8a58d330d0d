"""Threads, by Meta's Threads API."""

from brokers.base import Broker
from brokers.threads.accepts import ACCEPTS
from brokers.threads.errors import read_error
from brokers.threads.oauth import OAUTH, profile
from brokers.threads.publish import find, publish

BROKER = Broker(
    key="threads",
    title="Threads",
    accepts=ACCEPTS,
    read_error=read_error,
    publish=publish,
    find=find,
    profile=profile,
    oauth=OAUTH,
    hosts=("graph.threads.net",),
)
