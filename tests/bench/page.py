"""What the benchmarks' pages have in common: rows of tables, the machine, and places that are written anew."""
import pathlib
import platform
import re
import sys


def row(*cells):
    return "| " + " | ".join(cells) + " |\n"


def processor():
    cpu = pathlib.Path("/proc/cpuinfo").read_text()
    model = re.search(r"model name\s*: (.*)", cpu)
    flags = set(re.search(r"flags\s*: (.*)", cpu).group(1).split()) if "flags" in cpu else set()
    isa = next((name for flag, name in (("avx512f", "AVX-512"), ("avx2", "AVX2")) if flag in flags), "no AVX2")
    return f"{model.group(1) if model else platform.machine()} ({isa})"


def _parts(path, name):
    """The page up to, between and from the two comments of that name; None where it has no such place."""
    if not path.exists():
        return None
    return re.fullmatch(rf"(.*<!-- {name} -->\n)(.*)(<!-- /{name} -->\n.*)", path.read_text(), re.S)


def quote(path, name, text):
    """Puts the text between them."""
    found = _parts(path, name)
    if not found:
        sys.exit(f"{name}: '{path}' has no place for what is found")
    path.write_text(found.group(1) + text + found.group(3))


def quoted(path, name):
    """What stands between them, None where there is no such place."""
    found = _parts(path, name)
    return found and found.group(2)
