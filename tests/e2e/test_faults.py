"""A sample of what `make faults` does with every system call and every call stack that allocates: one fails while a job
is under way, and nothing that was acknowledged is lost."""
import pytest

from alloc_faults import AllocFaults
from faulted_job import CAUSES, FaultedJob

SAMPLE = {
    "broker": [("pwrite64", 2), ("fdatasync", 3), ("accept4", 2), ("writev", 6)],
    "node": [("openat", 5), ("fsync", 1), ("rename", 1), ("unlink", 1), ("clone3", 1)],
}


@pytest.mark.parametrize("role", SAMPLE)
def test_a_system_call_that_fails_loses_nothing_that_was_acknowledged(role, tmp_path):
    faulted = FaultedJob(role, tmp_path)
    try:
        hits = [faulted.run(call, CAUSES[call][0], nth) for call, nth in SAMPLE[role]]
    finally:
        faulted.close()
    assert sum(hits) >= len(hits) - 1, hits
    faulted.assert_nothing_is_left()


@pytest.mark.parametrize("role", SAMPLE)
def test_an_allocation_that_fails_loses_nothing_that_was_acknowledged(role, tmp_path):
    allocations = AllocFaults(tmp_path / "failed")
    faulted = FaultedJob(role, tmp_path, allocations)
    try:
        hits = [faulted.run_allocations(gap_ms=50) for _ in range(2)]
    finally:
        faulted.close()
    assert all(hits), hits
    faulted.assert_nothing_is_left()
