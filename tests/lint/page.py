"""The page is text alone: nothing that comes from elsewhere becomes markup or a program, nothing is fetched from
another host, and what a file names is there. Browsers would refuse some of it by the page's policy; here it is told
before."""
import re

FOLDER = "src/broker/page"
FROM_ELSEWHERE = {"chart.js"}  # comes with Debian
NAMESPACES = ("http://www.w3.org/2000/svg", "http://www.w3.org/1999/xlink", "http://www.w3.org/1999/xhtml")

# Of scripts.
MARKUP = re.compile(r"\b(innerHTML|outerHTML|insertAdjacentHTML|setHTML\w*|srcdoc|createContextualFragment|DOMParser|"
                    r"document\.write\w*|eval|new Function|javascript:)(?!\w)")
# Of HTML.
INLINE = re.compile(r"<style\b|<script\b(?![^>]*\ssrc=)|\s(?:style|on[a-z]+)\s*=", re.IGNORECASE)
# What each names of the others.
NAMES = {".js": re.compile(r"""\b(?:import|from)\s*\(?\s*['"]([^'"]+)['"]"""),
         ".html": re.compile(r"""\b(?:src|href)=["']([^"'#]+)["']""")}
# Of all.
URL = re.compile(r"""\b(?:https?|wss?|ftp)://[\w.-]*\w(?:/[\w./-]*)?|['"(]//[\w.-]+|@import\b""")


def breaches(path, line, there):
    for match in URL.finditer(line):
        if match.group() not in NAMESPACES:
            yield f"'{match.group()}' leads elsewhere"
    if path.suffix == ".js":
        for match in MARKUP.finditer(line):
            yield f"'{match.group()}' makes markup or a program of a text"
    if path.suffix == ".html":
        for match in INLINE.finditer(line):
            yield f"'{match.group().strip()}' is refused by the page's policy"
    for name in NAMES[path.suffix].findall(line) if path.suffix in NAMES else []:
        if name.rsplit("/", 1)[-1] not in there:
            yield f"there is no '{name}'"


def check(tree):
    files = tree.files((FOLDER,), ".html", ".css", ".js", ".svg")
    there = FROM_ELSEWHERE | {path.name for path in files}
    for path in files:
        for number, line in tree.lines(path):
            for breach in breaches(path, line, there):
                yield f"{path}:{number}: {breach}"
