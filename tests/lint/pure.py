"""The cores, which tests/sim links alone, are pure: they call each other, the codec and the plain parts of base, and
nothing that sends, waits, reads a clock, opens a file or draws a random number."""
import re

CORES = "tests/sim/cores"  # a module a line
BASE = ("src/base/backoff", "src/base/buf", "src/base/err", "src/base/log", "src/base/notices", "src/base/sha256",
        "src/base/utf8")
# Of the C library.
IMPURE = re.compile(r"(clock_|time$|gettimeofday|nanosleep|usleep|sleep$|socket|connect$|accept|bind$|listen$|send|"
                    r"recv|open|fopen|creat$|read$|pread|write$|pwrite|close$|fclose|fread|fwrite|f?print|puts$|unlink|"
                    r"rename|mkdir|stat$|fork|exec|posix_|pthread_|rand|getrandom|getpid|getenv|exit|signal|sigaction)")


def check(tree):
    listing = tree.root / CORES
    cores = listing.read_text().split() if listing.exists() else []
    for core in cores:
        if not (tree.root / f"{core}.c").exists():
            yield f"{CORES}: '{core}.c' is not there"
    for path, name, owner in tree.calls():
        if tree.module(path) not in cores:
            continue
        used = owner and tree.module(owner)
        if used and used not in cores and used not in BASE and not used.startswith("proto/"):
            yield f"{path}: a core calls '{name}' of '{used}', which is none"
        elif not used and re.match(r"(event|evhttp|evtimer|evutil|bufferevent|evbuffer|sqlite3|curl)_", name):
            yield f"{path}: a core calls '{name}'"
        elif not used and IMPURE.match(name):
            yield f"{path}: a core calls '{name}'"
