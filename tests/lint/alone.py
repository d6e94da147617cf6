"""Every file compiles by itself: it includes what it uses, and does not live on the banned.h that the Makefile forces
in front of each file, or on what the file that includes it has included before.

`make lint` builds the program without banned.h; here are the headers and the tests. Left out are headers without an
include guard, which are no more than the middle of the files that include them, and the tests' own, which follow
cmocka.h.
"""
import concurrent.futures
import os
import re
import subprocess

# What the file that includes a folder's headers names for them.
NAMED = {"nn/cpu/kernels": ["-DLANES=8", "-DROWS=2", "-DOUTPUTS=2"]}


def candidates(tree):
    for path in tree.files(("src", "nn", "proto", "include"), ".h"):
        if re.search(r"^#ifndef DCLS_", (tree.root / path).read_text(), re.MULTILINE):
            yield path
    yield from tree.files(("tests",), ".c")


def check(tree, compiler):
    """`compiler`: the command and its flags."""

    def compile_one(path):
        source = ["-include", path, "-x", "c", os.devnull] if path.suffix == ".h" else [path]
        command = [*compiler, "-Werror", "-fsyntax-only", *NAMED.get(str(path.parent), []), *source]
        return subprocess.run(command, capture_output=True, text=True, cwd=tree.root, check=False)

    paths = list(candidates(tree))
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        for path, result in zip(paths, pool.map(compile_one, paths)):
            if result.returncode:
                errors = [line for line in result.stderr.splitlines() if "error:" in line]
                yield f"{path}: does not compile alone: {(errors or ['?'])[0]}"
