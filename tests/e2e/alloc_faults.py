"""A server in which each call stack that allocates fails once: what tests/shim/alloc_faults.c offers."""
import mmap
import os
import pathlib
import struct

BUILD = pathlib.Path(os.environ.get("DCLS_BUILD") or pathlib.Path(__file__).parents[2] / "build")
SHIM = BUILD / "tests/shim/alloc_faults.so"
HEAD = struct.Struct("iiqq")  # struct control's armed, gap_ms, hits, seen
STACKS = 1 << 16


class AllocFaults:
    """`path` is the file that remembers which stacks had their turn, over several servers."""

    def __init__(self, path):
        assert SHIM.exists(), f"'{SHIM}' is missing: make build-tests"
        self.path, self.log_path = pathlib.Path(path).resolve(), pathlib.Path(f"{pathlib.Path(path).resolve()}.log")
        with open(path, "ab") as file:
            file.truncate(HEAD.size + 8 * STACKS)
        with open(path, "r+b") as file:
            self.control = mmap.mmap(file.fileno(), 0)
        self.off()
        self.environment = {"LD_PRELOAD": str(SHIM), "DCLS_ALLOC_FAULTS": str(self.path),
                            "ASAN_OPTIONS": "verify_asan_link_order=0:allocator_may_return_null=1"}

    def arm(self, gap_ms):
        """From now on one stack after the other fails, gap_ms between them."""
        struct.pack_into("ii", self.control, 0, 1, gap_ms)

    def off(self):
        struct.pack_into("i", self.control, 0, 0)

    @property
    def hits(self):
        """How many stacks have failed."""
        return HEAD.unpack_from(self.control)[2]

    @property
    def seen(self):
        """How many allocations were made while armed."""
        return HEAD.unpack_from(self.control)[3]
