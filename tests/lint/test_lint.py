"""Each rule tells each breach of it, and nothing of a tree that keeps it."""
import subprocess

import pytest

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

FLAGS = ["gcc", "-Iinclude", "-I."]


@pytest.fixture
def plant(tmp_path):
    """plant({path: text}): a tree of these files, its C compiled."""

    def make(files):
        for path, text in files.items():
            (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / path).write_text(text)
        for path in [path for path in files if path.endswith(".c")]:
            made = (tmp_path / "build" / path).with_suffix(".o")
            made.parent.mkdir(parents=True, exist_ok=True)
            subprocess.run([*FLAGS, "-w", "-c", "-o", made, path], check=True, cwd=tmp_path)
        return Tree(tmp_path, tmp_path / "build")

    return make


# Two modules of one folder, the upper of which uses the lower.
LOWER = {"src/base/low.c": '#include "dcls/base/low.h"\nint low(void) { return 0; }\n',
         "include/dcls/base/low.h": "int low(void);\n",
         "src/base/high.h": "int high(void);\n",
         "src/base/high.c": '#include "high.h"\n#include "dcls/base/low.h"\nint high(void) { return low(); }\n'}


def test_a_tree_in_order_has_no_breach(plant):
    tree = plant({**LOWER, "README.md": "See `src/base/low.c`, [high](src/base/high.h), `X.c` and `GET /nodes`.\n",
                  "src/node/daemon.h": "struct daemon { int x; };\nstruct daemon *of(struct daemon *daemon);\n"})
    for check in (layers.check, circles.check, columns.check, dialect.check, paths.check, pure.check, sizes.check,
                  tags.check):
        assert list(check(tree)) == []
    assert list(alone.check(tree, FLAGS)) == []


def test_includes_in_a_circle_are_told(plant):
    tree = plant({**LOWER, "include/dcls/base/low.h": '#include "src/base/high.h"\nint low(void);\n'})
    assert list(circles.check(tree)) == [
        "src/base: a circle of 2 modules: high calls low; low includes src/base/high.h"]


def test_calls_in_a_circle_are_told_without_any_include(plant):
    tree = plant({**LOWER, "src/base/low.c": "int high(void);\nint low(void) { return high(); }\n"})
    assert list(circles.check(tree)) == ["src/base: a circle of 2 modules: high calls low; low calls high"]


def test_a_circle_of_three_is_one_breach(plant):
    tree = plant({f"nn/data/{a}.c": f"int {b}(void);\nint {a}(void) {{ return {b}(); }}\n" for a, b in
                  (("one", "two"), ("two", "three"), ("three", "one"))})
    breach, = circles.check(tree)
    assert breach.startswith("nn/data: a circle of 3 modules: ")


def test_what_is_part_of_a_role_sees_its_struct_but_does_not_call_it(plant):
    role = {"src/node/daemon.h": "struct daemon { int x; };\nint daemon(void);\n",
            "src/node/part.c": '#include "daemon.h"\nint part(void) { return 1; }\n',
            "src/node/daemon.c": '#include "daemon.h"\nint part(void);\nint daemon(void) { return part(); }\n'}
    assert list(circles.check(plant(role))) == []
    role["src/node/part.c"] = '#include "daemon.h"\nint part(void) { return daemon(); }\n'
    assert len(list(circles.check(plant(role)))) == 1


@pytest.mark.parametrize("path, text, told", [
    ("proto/x.c", '#include "src/net/n.h"\n', "proto/x.c:1: 'proto' may not include 'src/net/n.h'"),
    ("src/net/x.c", '#include "src/base/high.h"\n',
     "src/net/x.c:1: 'src/base/high.h' lies outside 'net': what crosses parts is in include/dcls"),
    ("proto/x.c", "int net_up(void);\nint x(void) { return net_up(); }\n",
     "proto/x.c: 'proto' may not call 'net_up' of 'net'"),
    ("nn/graph/x.c", '#include "nn/train/t.h"\n',
     "nn/graph/x.c: 'nn/graph' may not use 'nn/train': it includes 'nn/train/t.h'"),
    ("nn/data/x.c", "int step(void);\nint x(void) { return step(); }\n",
     "nn/data/x.c: 'nn/data' may not use 'nn/train': it calls 'step'"),
    ("src/client/x.c", "#include <sqlite3.h>\n", "src/client/x.c:1: SQLite is named outside src/broker/store"),
    ("src/client/x.c", "int sqlite3_open(void);\nint x(void) { return sqlite3_open(); }\n",
     "src/client/x.c: calls 'sqlite3_open' of SQLite, which only src/broker/store may"),
])
def test_whoever_uses_what_it_may_not_is_told(plant, path, text, told):
    tree = plant({**LOWER, "src/net/n.h": "int net_up(void);\n", "src/net/n.c": "int net_up(void) { return 0; }\n",
                  "nn/train/t.h": "int step(void);\n", "nn/train/t.c": "int step(void) { return 0; }\n",
                  path: text})
    assert list(layers.check(tree)) == [told]


def test_a_folder_may_use_what_lies_in_the_one_above_it_and_doors_use_all(plant):
    tree = plant({"nn/rng.h": "enum rng { X };\n",
                  "nn/graph/net.c": '#include "nn/rng.h"\nint net(void) { return 0; }\n',
                  "nn/bench.c": "int net(void);\nint bench(void) { return net(); }\n"})
    assert list(layers.check(tree)) == []


def test_a_header_for_other_parts_that_belongs_to_no_file_is_for_all_of_its_own(plant):
    tree = plant({"include/dcls/nn/config.h": "struct config { int x; };\n",
                  "nn/graph/net.c": '#include "dcls/nn/config.h"\nint net(void) { return 0; }\n'})
    assert list(layers.check(tree)) == []


def test_a_long_line_is_told_in_every_language(plant):
    wide = "x" * 121
    tree = plant({**LOWER, "tests/a.py": f"# {wide}\n", ".ci/run": f"# {'x' * 118}\n#{wide}\n",
                  "nn/a.c": f"/*{'ü' * 116}*/\n/*{'ü' * 117}*/\n/*{wide}*/\n"})
    assert list(columns.check(tree)) == [".ci/run:2: 122 columns", "nn/a.c:2: 121 columns", "nn/a.c:3: 125 columns",
                                         "tests/a.py:1: 123 columns"]


@pytest.mark.parametrize("code, told", [
    ("if (p == NULL)", "a pointer is tested as it is"),
    ("if (NULL != p)", "a pointer is tested as it is"),
    ("if (strcmp(a, f(b, g(c))) == 0)", "texts are compared as"),
    ("while (memcmp(a, b, n) != 0)", "texts are compared as"),
    ("return a(b) ||\n c ? -1\n : 0;", "one statement does one thing"),
    ("status = 404, err_set(err, t);", "one statement does one thing"),
    ("return failed ? -1 : 0; /* not p == NULL || q ? -1 : 0 */", None),
    ('x = strcmp(a, b) < 0 ? f("p == NULL") : err_set(err, t);', None),
    ("struct p p = { .a = NULL, .b = 1 }, *q = NULL;", None),
])
def test_another_dialect_is_told(plant, code, told):
    tree = plant(LOWER)
    (tree.root / "nn").mkdir()
    (tree.root / "nn/a.c").write_text(f"/* A file. */\n{code}\n")
    breaches = list(dialect.check(tree))
    assert len(breaches) == (1 if told else 0)
    assert not told or breaches[0].startswith(f"nn/a.c:2: {told}")


def test_an_item_that_may_be_lost_where_memory_lacks_is_told(plant):
    code = "int x(void) { return cJSON_AddItemToArray(list, cJSON_CreateString(text)); }\n"
    tree = plant(LOWER)
    for path in ("src/node/a.c", "src/bench/a.c", "nn/a.c"):
        (tree.root / path).parent.mkdir(parents=True, exist_ok=True)
        (tree.root / path).write_text(code)
    breach, = dialect.check(tree)
    assert breach == "src/node/a.c:1: an item is given by json_append or json_add"


def test_the_size_of_a_float_is_told_in_nn_outside_its_home(plant):
    tree = plant({"nn/graph/value_type.h": "#define SIZE sizeof(float)\n", "src/base/a.h": "#define A sizeof(float)\n",
                  "nn/cpu/a.c": "int b = sizeof(float *);\nint a = 2 * sizeof( float );\nint c = sizeof (int);\n"})
    assert [breach.split(": ")[0] for breach in sizes.check(tree)] == ["nn/cpu/a.c:2"]


@pytest.mark.parametrize("text, told", [
    ("size_t count(void);\n", ["src/base/x.h"]),
    ("#include <stddef.h>\nsize_t count(void);\n", []),
])
def test_a_header_that_needs_another_before_it_is_told(plant, text, told):
    tree = plant({**LOWER, "src/base/x.h": f"#ifndef DCLS_X_H\n#define DCLS_X_H\n{text}#endif\n"})
    assert [breach.split(":")[0] for breach in alone.check(tree, FLAGS)] == told


def test_a_test_that_does_not_include_what_it_uses_is_told(plant):
    tree = plant({**LOWER, "tests/unit/t.c": "int main(void)\n{\n    return (int)strlen(\"\");\n}\n"})
    breach, = alone.check(tree, FLAGS)
    assert breach.startswith("tests/unit/t.c: does not compile alone: ") and "strlen" in breach


def test_a_tag_that_is_defined_twice_is_told(plant):
    tree = plant({**LOWER, "src/broker/a.c": "struct job {\n    int x;\n};\nstruct other { int job; };\n",
                  "src/node/b.c": "struct other;\nenum job { A };\nstruct other *f(struct other *x);\n"})
    assert list(tags.check(tree)) == ["src/node/b.c:2: 'job' is defined in src/broker/a.c:1 too"]


def test_a_file_that_is_named_but_not_there_is_told(plant):
    tree = plant({**LOWER, "README.md": "`src/base/low.c`, `low.c`, `gone.c`\n\n[it](docs/gone.md)\n",
                  "nn/a.c": "/* See low.h,\n * base/high.c, old.h and NAME.c; not 1.c5 */\nint a; /* lost.py */\n"})
    assert list(paths.check(tree)) == ["README.md:1: there is no 'gone.c'", "README.md:3: there is no 'docs/gone.md'",
                                       "nn/a.c:2: there is no 'old.h'", "nn/a.c:3: there is no 'lost.py'"]


@pytest.mark.parametrize("name, line, told", [
    ("a.js", "box.innerHTML = name;", "'innerHTML' makes markup or a program of a text"),
    ("a.js", "document.write(name);", "'document.write' makes markup or a program of a text"),
    ("a.js", "eval(name);", "'eval' makes markup or a program of a text"),
    ("a.js", "fetch('https://cdn.example/x');", "'https://cdn.example/x' leads elsewhere"),
    ("a.js", "fetch('//cdn.example');", "''//cdn.example' leads elsewhere"),
    ("a.js", "import {h} from './gone.js';", "there is no './gone.js'"),
    ("a.js", "await import('./gone.js');", "there is no './gone.js'"),
    ("a.css", "@import 'x';", "'@import' leads elsewhere"),
    ("a.css", "b { background: url(https://x.example); }", "'https://x.example' leads elsewhere"),
    ("a.html", "<script>go()</script>", "'<script' is refused by the page's policy"),
    ("a.html", '<p style="color: red">', "'style=' is refused by the page's policy"),
    ("a.html", '<p onclick="go()">', "'onclick=' is refused by the page's policy"),
    ("a.html", '<script src="page/gone.js"></script>', "there is no 'page/gone.js'"),
    ("a.js", "import {h} from './b.js'; const SVG = 'http://www.w3.org/2000/svg'; evaluate(retrieval); // a", None),
    ("a.js", "const {Chart} = await import('./chart.js');", None),
    ("a.html", '<script type="module" src="page/b.js"></script><a href="#/jobs">', None),
])
def test_a_page_that_is_more_than_text_is_told(tmp_path, name, line, told):
    folder = tmp_path / "src/broker/page"
    folder.mkdir(parents=True)
    (folder / "b.js").write_text("\n")
    (folder / name).write_text(line + "\n")
    assert list(page.check(Tree(tmp_path))) == ([f"src/broker/page/{name}:1: {told}"] if told else [])


@pytest.mark.parametrize("call, told", [
    ("time", "src/base/low.c: a core calls 'time'"),
    ("clock_gettime", "src/base/low.c: a core calls 'clock_gettime'"),
    ("event_add", "src/base/low.c: a core calls 'event_add'"),
    ("sqlite3_step", "src/base/low.c: a core calls 'sqlite3_step'"),
    ("write", "src/base/low.c: a core calls 'write'"),
    ("high", "src/base/low.c: a core calls 'high' of 'src/base/high', which is none"),
    ("strcmp", None),
])
def test_a_core_that_does_something_itself_is_told(plant, call, told):
    low = f"int {call}(void);\nint low(void) {{ return {call}(); }}\n"
    tree = plant({**LOWER, "src/base/low.c": low, "tests/sim/cores": "src/base/low\n"})
    assert list(pure.check(tree)) == ([told] if told else [])


def test_a_core_that_is_not_there_is_told(plant):
    assert list(pure.check(plant({**LOWER, "tests/sim/cores": "src/base/gone\n"}))) == [
        "tests/sim/cores: 'src/base/gone.c' is not there"]
