"""A server whose system calls fail, or kill it, when a test wants that: what tests/tools/call_faults.c offers."""
import errno
import os
import pathlib
import secrets
import socket

from harness import wait_for

BUILD = pathlib.Path(os.environ.get("DCLS_BUILD") or pathlib.Path(__file__).parents[2] / "build")
PROGRAM = BUILD / "tests/tools/call_faults"


class CallFaults:
    """`within` is what a server is started with; `environment` is for one with a sanitizer."""

    def __init__(self):
        assert PROGRAM.exists(), f"'{PROGRAM}' is missing: make build-tests"
        self.address = f"dcls-faults-{secrets.token_hex(8)}"
        self.within = (PROGRAM, self.address)

    def _ask(self, request):
        with socket.socket(socket.AF_UNIX) as line:
            line.settimeout(20)
            line.connect("\0" + self.address)
            line.sendall(request.encode() + b"\n")
            answer = line.makefile().readline().split()
        assert answer and answer != ["what?"], request
        return answer

    def refuse(self, call, cause, nth=1, count=1):
        """From the nth on, `count` calls fail with this errno, or its name."""
        cause = getattr(errno, cause) if isinstance(cause, str) else cause
        self._ask(f"refuse {call} {cause} {nth} {count}")

    def kill(self, call, nth=1):
        """Kills the server when it is about to make that call."""
        self._ask(f"kill {call} {nth}")

    def fill(self, folder):
        """From now on the disk of that folder is full, for the server and what it starts."""
        self._ask(f"full {pathlib.Path(folder).resolve()}")

    def off(self):
        self._ask("off")

    def counts(self):
        """Calls made since the last of the above, by name, and "hits": how many of them failed."""
        words, found = self._ask("counts"), {}
        for name, count in zip(words[::2], words[1::2]):
            found[name] = found.get(name, 0) + int(count)
        return found

    def wait_hit(self, seconds=20):
        return wait_for("a call that fails", lambda: self.counts()["hits"], seconds)
