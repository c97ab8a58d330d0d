"""Instagram: containers for the media, then the one request that makes the post public.

developers.facebook.com/docs/instagram-platform/content-publishing, read 2026-11-22.
"""

from __future__ import annotations

from typing import Any

from brokers import meta_containers
from brokers.base import Account, Attempt, Draft, Receipt, Sighting, Steps
from brokers.errors import NotSent, PlatformError, Unclear
from brokers.instagram.accepts import ACCEPTS
from brokers.instagram.containers import CONTAINERS
from brokers.instagram.errors import ROWS
from brokers.meta_graph import rows_in
from brokers.platform_http import PlatformHttp


async def publish(api: PlatformHttp, account: Account, draft: Draft, steps: Steps) -> Receipt:
    """Checks the quota first: a post beyond it would be refused only at the end."""
    await steps.upload("quota", lambda: _check_quota(api, account))
    return await meta_containers.publish(CONTAINERS, api, account, draft, steps)


async def find(api: PlatformHttp, account: Account, draft: Draft, attempt: Attempt) -> Sighting:
    """Stories have a list of their own, and no text."""
    is_story = ACCEPTS.placement(draft) == "story"
    listing, text = ("stories", "") if is_story else ("media", ACCEPTS.compose(draft))
    return await meta_containers.find(CONTAINERS, api, account, attempt, listing, text)


async def _check_quota(api: PlatformHttp, account: Account) -> dict[str, Any] | None:
    """Refuses a post that Instagram would refuse at the end; an account whose quota cannot be read goes on."""
    url = CONTAINERS.url(account, account.platform_account_id, "content_publishing_limit")
    asked = {"fields": "config,quota_usage"}
    try:
        row = rows_in(await api.request("GET", url, params=asked, token=account.access_token))[0]
        used, total = int(row["quota_usage"]), int(row["config"]["quota_total"])
    except (NotSent, Unclear, PlatformError, LookupError, TypeError, ValueError):
        return None
    if used >= total:
        full = ROWS["9/2207042"]
        raise PlatformError(
            f"Instagram takes {total} posts of this account in 24 hours, and {used} are out.",
            kind=full.kind, hint=full.hint, retry_after=full.retry_after, platform_code="content_publishing_limit",
        )  # fmt: skip
    return {"used": used, "total": total}
