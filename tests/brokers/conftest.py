"""What every test of a broker may ask for."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from brokers.platform_http import new_client
from tests.brokers.bench import simulating
from tests.brokers.media_server import hosting
from tests.brokers.pushed import Files

simulator = pytest.fixture(simulating, name="simulator")
hosted = pytest.fixture(hosting, name="hosted")


@pytest.fixture
async def client() -> AsyncIterator[Any]:
    async with new_client() as client:
        yield client


@pytest.fixture
def files(tmp_path: Path) -> Files:
    return Files(tmp_path)
