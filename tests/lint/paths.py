"""A file that a page or a comment names is there: what is moved or renamed is so everywhere.

In pages, what stands in backticks or is a link; in comments, every word that ends as our sources do. A name with
capitals (`nn/models/NAME.c`) stands for several.
"""
import pathlib
import re

FOLDERS = ("src", "nn", "proto", "include", "tests", "examples", "docs", "man", ".ci")
IN_PAGE = re.compile(r"(?:`|\]\()([\w./-]+)[`)]")
IN_COMMENT = re.compile(r"(?<![\w./-])([\w./-]+\.(?:c|h|py|sh))(?![\w/])")
LOOKS_LIKE_PATH = re.compile(rf"(?:{'|'.join(FOLDERS)})/.*|.+\.(?:c|h|py|js|sh|md|1|7)")
STANDS_FOR_SEVERAL = re.compile(r"(?:^|.*[/_.])[A-Z]+(?:$|[/_.].*)")
COMMENT = re.compile(r"/\*.*?\*/", re.DOTALL)


def named_in_page(text):
    """(offset, path) of what looks like a path in the repository."""
    for match in IN_PAGE.finditer(text):
        if LOOKS_LIKE_PATH.fullmatch(match.group(1)):
            yield match.start(), match.group(1)


def named_in_comments(text):
    for comment in COMMENT.finditer(text):
        for match in IN_COMMENT.finditer(comment.group()):
            yield comment.start() + match.start(), match.group(1)


def check(tree):
    there = set()
    for path in [*tree.files(FOLDERS), *(pathlib.Path(path.name) for path in tree.root.iterdir())]:
        for found in (path, *path.parents):
            parts = found.parts
            there.update("/".join(parts[i:]) for i in range(len(parts)))  # `train/report.c`, `report.c` will do

    pages = [*tree.files(("docs",), ".md"), *(pathlib.Path(path.name) for path in tree.root.glob("*.md"))]
    code = tree.files(("src", "nn", "proto", "include", "tests"), ".c", ".h")
    for path, named in [*((page, named_in_page) for page in pages), *((file, named_in_comments) for file in code)]:
        text = (tree.root / path).read_text()
        for offset, name in named(text):
            if name.rstrip("/") not in there and not STANDS_FOR_SEVERAL.fullmatch(name):
                number = text.count("\n", 0, offset) + 1
                yield f"{path}:{number}: there is no '{name}'"
