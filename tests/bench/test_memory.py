"""That the server's memory does not grow with the size of a file; `python -m tests.bench.memory` has the figures."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.bench.memory import MB, measure

SIZE = 64
#: What passes through is a few pieces at a time; the rest is what a server takes when it does something the first time (MB).
BOUND = 24
#: One of each way to send bytes: a form, parts, one stream, a resumable session.
NAMES = ("X", "LinkedIn", "TikTok", "YouTube", "Facebook video", "Facebook reel")

needs_proc = pytest.mark.skipif(not Path("/proc/self/clear_refs").exists(), reason="the peak is read from Linux's /proc")


@needs_proc
async def test_a_large_video_passes_through_without_filling_memory(tmp_path: Path) -> None:
    grown = {name: mb async for name, mb in measure(tmp_path, SIZE * MB, NAMES)}
    assert len(grown) == len(NAMES) + 2
    assert max(grown.values()) < BOUND, grown
