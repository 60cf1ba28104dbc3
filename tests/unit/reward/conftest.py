"""Two sandboxes that the tests of rewards share: one that judges data alone, one that may join tests and solution."""

import pytest

from reward.sandbox import Limits, Sandbox

LIMITS = Limits(cpu_seconds=2, wall_seconds=6)


def started(**fields):
    with_limits = Sandbox("kernel", 1, LIMITS, **fields)
    with_limits.start()
    yield with_limits
    with_limits.stop()


@pytest.fixture(scope="session")
def box():
    yield from started()


@pytest.fixture(scope="session")
def together():
    yield from started(together=True)
