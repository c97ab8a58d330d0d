"""X, by its API v2."""

from brokers.base import Broker
from brokers.twitter.accepts import ACCEPTS
from brokers.twitter.errors import read_error
from brokers.twitter.oauth import OAUTH, profile
from brokers.twitter.publish import find, publish

BROKER = Broker(
    key="twitter",
    title="X",
    accepts=ACCEPTS,
    read_error=read_error,
    publish=publish,
    find=find,
    profile=profile,
    oauth=OAUTH,
    hosts=("api.x.com",),
)
