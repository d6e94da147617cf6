#!/usr/bin/env python3
"""allocations_all.py [ROLE]: each call stack by which the broker or the node allocates fails once, in scripted jobs.

Scripts are gone through until QUIET of them in a row met no stack that had not failed before. With DCLS a build with
AddressSanitizer, what is leaked or used after it was freed is told as well. GAP_MS apart, so that a script meets many;
one that fails is told with the stacks that it met, and makes the status 1."""
import pathlib
import sys
import tempfile
import traceback

from alloc_faults import AllocFaults
from faulted_job import FaultedJob

GAP_MS, QUIET = 30, 5


def main(arguments):
    failures = 0
    for role in arguments or ["broker", "node"]:
        allocations = AllocFaults(pathlib.Path(tempfile.mkdtemp(prefix="dcls-allocations-")) / "failed")
        faulted, quiet, runs, failed, restarts = None, 0, 0, 0, 0
        while quiet < QUIET:
            log = allocations.log_path.stat().st_size if allocations.log_path.exists() else 0
            try:
                faulted = faulted or FaultedJob(role, allocations=allocations)
                runs += 1
                before = faulted.restarts
                quiet = 0 if faulted.run_allocations(GAP_MS) else quiet + 1
                restarts += faulted.restarts - before
            except Exception:  # of any kind: it is told, and the others are tried all the same
                failed, quiet = failed + 1, 0
                print(f"\nFAILED: {role}, in {faulted and faulted.folder}", flush=True)
                traceback.print_exc(file=sys.stdout)
                print(allocations.log_path.read_text()[log:], flush=True)
                if faulted:
                    faulted.discard()
                faulted = None
        try:
            faulted.finish()
        except AssertionError as error:
            failed += 1
            print(f"\nFAILED: {role}: {error}", flush=True)
        failures += failed
        print(f"{role}: {allocations.hits} stacks failed in {runs} scripts of {allocations.seen} allocations; "
              f"{restarts} times it ended and said why; {failed} failures; stacks in {allocations.log_path}",
              flush=True)
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
