"""One file says how large a float is: elsewhere in nn values have a type, whose size a function knows."""
import re

HOME = "nn/graph/value_type.h"
FLOAT = re.compile(r"\bsizeof\s*\(\s*float\s*\)")


def check(tree):
    for path in tree.files(("nn",), ".c", ".h"):
        for number, line in tree.lines(path):
            if FLOAT.search(line) and str(path) != HOME:
                yield f"{path}:{number}: sizeof(float): {HOME} knows sizes"
