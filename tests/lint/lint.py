#!/usr/bin/env python3
"""Checks what a compiler does not: who uses whom, and how files are written. Each file beside this one is one rule.

usage: lint.py BUILD COMPILER FLAG...    BUILD: the folder that holds the objects of `make`
Prints one line for each breach and ends with 1 where there is any.
"""
import itertools
import pathlib
import sys

import alone
import circles
import columns
import dialect
import layers
import page
import paths
import pure
import sizes
import tags
from tree import Tree

ROOT = pathlib.Path(__file__).parents[2]


def main():
    if len(sys.argv) < 3:
        print(__doc__, file=sys.stderr)
        return 2
    tree = Tree(ROOT, sys.argv[1])
    count = 0
    rules = (layers, circles, tags, columns, dialect, page, paths, pure, sizes)
    for breach in itertools.chain(*(rule.check(tree) for rule in rules), alone.check(tree, sys.argv[2:])):
        print(breach)
        count += 1
    print(f"lint: {count} breaches", file=sys.stderr)
    return 1 if count else 0


if __name__ == "__main__":
    sys.exit(main())
