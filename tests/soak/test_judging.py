"""What the soak calls growth."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.soak.__main__ import MOST_HANDLES, MOST_MIB, MOST_WAL, Sample, faults

FLAT = [Sample(minute / 12, 100 + minute % 3, 30 + minute % 5, 9, 4.0, minute / 10) for minute in range(240)]


def grown(samples: list[Sample], name: str, to: float) -> list[Sample]:
    """The same with one value growing evenly over the whole time by `to`."""
    return [
        replace(each, **{name: getattr(each, name) + to * at / len(samples)}) for at, each in enumerate(samples)
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("samples", "said"),
    [
        (FLAT, []),
        (grown(FLAT, "memory", 2.5 * MOST_MIB), ["memory grew"]),
        (grown(FLAT, "memory", MOST_MIB), []),
        (grown(FLAT, "handles", 2.5 * MOST_HANDLES), ["file handles grew"]),
        ([replace(FLAT[0], memory=1.0, handles=1), *FLAT[1:]], []),
        ([*FLAT, replace(FLAT[-1], wal=MOST_WAL + 1)], ["the database's log grew"]),
    ],
)
def test_growth_after_the_warm_up_is_a_fault(samples: list[Sample], said: list[str]) -> None:
    found = faults(samples)
    assert len(found) == len(said) and all(fault.startswith(start) for fault, start in zip(found, said, strict=True))
