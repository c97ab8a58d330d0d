"""Facebook Pages, by the Graph API."""

from brokers.base import Broker
from brokers.facebook.accepts import ACCEPTS
from brokers.facebook.errors import read_error
from brokers.facebook.oauth import OAUTH, profile
from brokers.facebook.publish import find, publish

BROKER = Broker(
    key="facebook",
    title="Facebook",
    accepts=ACCEPTS,
    read_error=read_error,
    publish=publish,
    find=find,
    profile=profile,
    oauth=OAUTH,
    hosts=("graph.facebook.com", "rupload.facebook.com"),
)
