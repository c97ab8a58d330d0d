"""The publisher against a reference model, in random worlds. `MODEL_EXAMPLES=5000` looks longer, and at other worlds each
time; without it the same few are looked at every time."""

from __future__ import annotations

import os
from functools import partial

import pytest
from hypothesis import HealthCheck, settings
from hypothesis.stateful import run_state_machine_as_test

from tests.model.machine import Publishing
from tests.model.world import Ground

EXAMPLES = {True: 32, False: 5}
ASKED = int(os.environ.get("MODEL_EXAMPLES", 0))


#: Shrinking a counterexample takes its time.
@pytest.mark.timeout(900)
def test_never_twice_never_lost_in_order(ground: Ground) -> None:
    limits = settings(
        max_examples=ASKED or EXAMPLES[ground.db.is_sqlite], stateful_step_count=25, derandomize=not ASKED, deadline=None,
        database=None, print_blob=not ASKED, suppress_health_check=list(HealthCheck),
    )  # fmt: skip
    run_state_machine_as_test(partial(Publishing, ground), settings=limits)  # type: ignore[arg-type]
