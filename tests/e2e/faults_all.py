#!/usr/bin/env python3
"""faults_all.py [ROLE [CALL...]]: every system call of the broker and of the node fails once, in a scripted job.

For each call of CAUSES the first, the second, … fails until a script makes no more of them; its other causes are tried
at every fourth. A table tells tries and how many of them passed; what did not is told as it comes, with its traceback,
and makes the status 1. DCLS_FAULTS_MOST (1000) bounds the tries of a call and cause."""
import os
import sys
import traceback

from faulted_job import CAUSES, FaultedJob

MOST = int(os.environ.get("DCLS_FAULTS_MOST", "1000"))
MISSES = 2  # scripts differ by a call or two


def sweep(role, call, cause, step, faulted):
    """(tries, passed, the cluster to go on with)."""
    tries = passed = misses = 0
    nth = 1
    while misses < MISSES and tries < MOST:
        faulted = faulted or FaultedJob(role)
        try:
            hit = faulted.run(call, cause, nth)
            misses = 0 if hit else misses + 1
            tries, passed = tries + hit, passed + hit
        except Exception:  # of any kind: it is told, and the others are tried all the same
            tries, misses = tries + 1, 0
            print(f"\nFAILED: {role} {call} {cause} {nth}, in {faulted.folder}", flush=True)
            traceback.print_exc(file=sys.stdout)
            faulted.discard()
            faulted = None
        nth += step
    return tries, passed, faulted


def main(arguments):
    roles, calls = arguments[:1] or ["broker", "node"], arguments[1:] or CAUSES
    failures, rows = 0, []
    for role in roles:
        faulted = None
        for call in calls:
            for i, cause in enumerate(CAUSES[call]):
                tries, passed, faulted = sweep(role, call, cause, 4 if i else 1, faulted)
                failures += tries - passed
                rows.append(f"{role:8} {call:12} {cause:14} {tries:6} {passed:6}")
                print(rows[-1], flush=True)
        if faulted:
            faulted.finish()
    print("\nROLE     CALL         CAUSE           TRIES PASSED", *rows, sep="\n")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
