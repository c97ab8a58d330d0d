"""YouTube, by the YouTube Data API v3."""

from brokers.base import Broker
from brokers.youtube.accepts import ACCEPTS
from brokers.youtube.errors import read_error
from brokers.youtube.oauth import OAUTH, profile
from brokers.youtube.publish import find, publish

BROKER = Broker(
    key="youtube",
    title="YouTube",
    accepts=ACCEPTS,
    read_error=read_error,
    publish=publish,
    find=find,
    profile=profile,
    oauth=OAUTH,
    hosts=("www.googleapis.com", "youtube.googleapis.com", "oauth2.googleapis.com"),
)
