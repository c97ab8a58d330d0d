"""LinkedIn, as a member, by its versioned REST API."""

from brokers.base import Broker
from brokers.linkedin.accepts import ACCEPTS
from brokers.linkedin.errors import read_error
from brokers.linkedin.oauth import OAUTH, profile
from brokers.linkedin.publish import publish

BROKER = Broker(
    key="linkedin",
    title="LinkedIn",
    accepts=ACCEPTS,
    read_error=read_error,
    publish=publish,
    find=None,
    profile=profile,
    oauth=OAUTH,
    hosts=("api.linkedin.com", "www.linkedin.com"),
    # A launch gate of this product, the same for every account.
    shown={"organizationPosting": {"enabled": False, "reason": ACCEPTS.gated["organization_id"]}},
)
