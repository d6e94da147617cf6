"""A tag has one meaning: no struct, union or enum is defined twice."""
import re

DEFINITION = re.compile(r"^\s*(?:typedef |static |const )*(?:struct|union|enum) (\w+)\s*(?:\{.*)?$")


def check(tree):
    seen = {}
    for path in tree.sources():
        for number, line in tree.lines(path):
            match = DEFINITION.match(line)
            if not match:
                continue
            place = f"{path}:{number}"
            if match.group(1) in seen:
                yield f"{place}: '{match.group(1)}' is defined in {seen[match.group(1)]} too"
            seen.setdefault(match.group(1), place)
