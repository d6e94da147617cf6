"""What the checks read: a tree's C files, whom they include, which module they belong to, and its objects' symbols.

A module is a `.c` and the `.h` of its name, written as their path without ending ("nn/data/image"). A header in
include/dcls/PART belongs to the `.c` of its name in PART's folders, so it is a face of that module, not one of its own.
"""
import collections
import pathlib
import re
import subprocess

INCLUDE = re.compile(r'^\s*#\s*include\s+([<"])([^>"]+)[>"]')
SOURCES = ("src", "nn", "proto", "include")  # what becomes the program

Include = collections.namedtuple("Include", "line quoted name target")  # target: a path in the tree, or None
Object = collections.namedtuple("Object", "source defined undefined")  # of `source`: sets of global symbols


class Tree:
    def __init__(self, root, build=None):
        self.root = pathlib.Path(root).resolve()
        self.build = build and pathlib.Path(build).resolve()
        self.objects = self._objects() if build else []

    def files(self, folders, *endings):
        """Paths relative to the root, sorted."""
        found = (path for folder in folders for path in (self.root / folder).rglob("*") if path.is_file())
        return sorted(path.relative_to(self.root) for path in found if not endings or path.suffix in endings)

    def sources(self):
        return self.files(SOURCES, ".c", ".h")

    def lines(self, path):
        """Numbered from 1."""
        return enumerate((self.root / path).read_text().splitlines(), 1)

    def includes(self, path):
        for number, line in self.lines(path):
            match = INCLUDE.match(line)
            if match:
                yield Include(number, match.group(1) == '"', match.group(2), self._find(path, match.group(2)))

    def module(self, path):
        match = re.match(r"include/dcls/([a-z]+)/", str(path))
        if match:
            for folder in (f"src/{match.group(1)}", match.group(1)):
                for home in sorted((self.root / folder).rglob(path.stem + ".c")):
                    return str(home.relative_to(self.root).with_suffix(""))
        return str(path.with_suffix(""))

    def _find(self, path, name):
        for folder in (self.root / path.parent, self.root, self.root / "include"):
            target = (folder / name).resolve()
            if target.is_file() and target.is_relative_to(self.root):
                return target.relative_to(self.root)
        return None

    def _objects(self):
        places = [path for folder in SOURCES for path in sorted((self.build / folder).rglob("*.o"))]
        if not places:
            raise SystemExit(f"{self.build}: no objects: run make first")
        found = {path: (set(), set()) for path in places}
        listing = subprocess.run(["nm", "-g", "-P", "-A", *places], capture_output=True, text=True, check=True).stdout
        for line in listing.splitlines():  # "PATH: NAME TYPE ..."
            place, name, kind = re.match(r"(.*): (\S+) (\S)", line).groups()
            found[pathlib.Path(place)][kind in "Uvw"].add(name)
        made = [Object(path.relative_to(self.build).with_suffix(".c"), *sets) for path, sets in found.items()]
        return [each for each in made if (self.root / each.source).exists()]  # others are of before a move

    def calls(self):
        """(path of the caller, symbol, path of the file that defines it or None): every symbol that objects lack."""
        owner = {name: made.source for made in self.objects for name in made.defined}
        for made in self.objects:
            for name in sorted(made.undefined):
                yield made.source, name, owner.get(name)
