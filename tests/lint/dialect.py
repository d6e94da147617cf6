"""One dialect of C: what CONTRIBUTING's "Style" says of tests, of errors and of statements."""
import re

NOT_CODE = re.compile(r'/\*.*?\*/|//[^\n]*|"(?:\\.|[^"\\])*"', re.DOTALL)
RULES = (
    (re.compile(r"[!=]= *NULL\b|\bNULL *[!=]="), "a pointer is tested as it is: 'p', '!p'"),
    (re.compile(r"\b(?:str|strn|strcase|strncase|mem)cmp\((?:[^()]|\((?:[^()]|\([^()]*\))*\))*\) *[!=]= 0\b"),
     "texts are compared as '!strcmp(a, b)' and 'strcmp(a, b)'"),
    (re.compile(r"(?:\|\||&&)[^;{}?]*\?\s*-1\s*:\s*0\b"), "one statement does one thing: no 'a || b ? -1 : 0'"),
    (re.compile(r"= *[^;,(){}]+, *err_set\("), "one statement does one thing: no 'status = 404, err_set(…)'"),
)
# In src: where memory lacks, cJSON's own leave the item to a caller who has no handle of it.
GIVES_ITEM = re.compile(r"\bcJSON_AddItemTo(?:Array|Object)\(")


def is_giver(path):
    return path.parts[0] == "src" and path.parts[1] != "bench"  # that may not use proto


def blank(match):
    """What is no code, as blanks, so that lines keep their numbers."""
    return re.sub(r"[^\n]", " ", match.group())


def check(tree):
    for path in tree.files(("src", "nn", "proto", "include", "tests"), ".c", ".h"):
        code = NOT_CODE.sub(blank, (tree.root / path).read_text())
        rules = (*RULES, (GIVES_ITEM, "an item is given by json_append or json_add")) if is_giver(path) else RULES
        for rule, told in rules:
            for match in rule.finditer(code):
                yield f"{path}:{code.count(chr(10), 0, match.start()) + 1}: {told}"
