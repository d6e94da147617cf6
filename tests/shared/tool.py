"""Runs the programs of tests/tools, and says where the shared files lie."""
import os
import pathlib
import subprocess

BUILD = pathlib.Path(os.environ.get("DCLS_BUILD") or pathlib.Path(__file__).parents[2] / "build")
SHARED = pathlib.Path(os.environ["DCLS_SHARED"])  # no default: without it these tests fail


def run(name, *arguments, check=True):
    """The finished program; its output as bytes."""
    done = subprocess.run([BUILD / "tests/tools" / name, *map(str, arguments)], stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, timeout=300)
    if check:
        assert done.returncode == 0, done.stderr.decode()
    return done
