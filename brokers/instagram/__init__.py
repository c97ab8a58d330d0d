"""Instagram professional accounts, by Meta's Instagram API."""

from brokers.base import Broker
from brokers.instagram.accepts import ACCEPTS
from brokers.instagram.errors import read_error
from brokers.instagram.oauth import OAUTH, profile
from brokers.instagram.publish import find, publish

BROKER = Broker(
    key="instagram",
    title="Instagram",
    accepts=ACCEPTS,
    read_error=read_error,
    publish=publish,
    find=find,
    profile=profile,
    oauth=OAUTH,
    hosts=("graph.instagram.com", "api.instagram.com", "graph.facebook.com"),
)
