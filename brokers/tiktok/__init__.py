"""TikTok, by its Content Posting API."""

from brokers.base import Broker
from brokers.tiktok.accepts import ACCEPTS
from brokers.tiktok.errors import read_error
from brokers.tiktok.oauth import OAUTH, profile
from brokers.tiktok.publish import find, publish

BROKER = Broker(
    key="tiktok",
    title="TikTok",
    accepts=ACCEPTS,
    read_error=read_error,
    publish=publish,
    find=find,
    profile=profile,
    oauth=OAUTH,
    hosts=("open.tiktokapis.com",),
)
