"""No line of code is over 120 columns."""
COLUMNS = 120
FOLDERS = ("src", "nn", "proto", "include", "tests", "examples", ".ci")
ENDINGS = (".c", ".h", ".py", ".js", ".css", ".html", ".sh", ".bash", "")  # "": .ci/run


def check(tree):
    for path in tree.files(FOLDERS, *ENDINGS):
        for number, line in tree.lines(path):
            if len(line) > COLUMNS:
                yield f"{path}:{number}: {len(line)} columns"
