"""What people see: on narrow and dumb terminals, with wide characters, in a locale whose numbers have commas."""
import fcntl
import json
import os

import pty
import re
import shutil
import struct
import subprocess
import sys
import termios
import unicodedata

import pytest

import harness
from harness import Cluster, make_dataset

CAT, CAFE, TURNED, EMOJI = "\u732b\u732b", "cafe\u0301", "\u202eabc", "\U0001f408"


def columns_of(character):
    if unicodedata.category(character) in ("Mn", "Me", "Cf"):
        return 0
    return 2 if unicodedata.east_asian_width(character) in "WF" else 1


class Screen:
    """A terminal's lines after all that was written to it; a cell holds a character with what is combined with it, and
    the second cell of a wide one is empty."""

    def __init__(self, columns):
        self.columns, self.lines, self.at, self.escapes = columns, [[]], 0, 0

    def put(self, character, size):
        if self.at + size > self.columns:
            self.newline()
        line = self.lines[-1]
        line.extend(" " * (self.at + size - len(line)))
        line[self.at:self.at + size] = [character, *[""] * (size - 1)]
        self.at += size

    def newline(self):
        self.lines.append([])
        self.at = 0

    def write(self, text):
        for piece in re.findall(r"\033\[\d*[A-Za-z]|.", text, re.S):
            if piece == "\033[K":
                del self.lines[-1][self.at:]
            elif piece == "\r":
                self.at = 0
            elif piece == "\n":
                self.newline()
            elif piece[0] < " " or "\x7f" <= piece[0] < "\xa0" or piece in "\u202a\u202b\u202c\u202d\u202e":
                raise AssertionError(f"{piece!r} reached the screen")
            elif columns_of(piece):
                self.put(piece, columns_of(piece))
            elif self.lines[-1]:
                self.lines[-1][self.at - 1] += piece
            self.escapes += piece[0] == "\033"
        return self

    def text(self):
        return "\n".join("".join(line).rstrip() for line in self.lines)

    def column(self, line, text):
        """Where a text, its last there, begins in a line, in columns."""
        before = "".join(self.lines[line]).rindex(text)
        return sum(columns_of(character) for character in "".join(self.lines[line])[:before])


def on_screen(cluster, arguments, columns, **environment):
    """What the client leaves on a terminal of so many columns."""
    pid, terminal = pty.fork()
    if pid == 0:
        fcntl.ioctl(0, termios.TIOCSWINSZ, struct.pack("HHHH", 40, columns, 0, 0))
        os.chdir(cluster.folder)
        os.execve(harness.DCLS, [harness.DCLS, "client", *arguments],
                  {**os.environ, "DCLS_API": cluster.api, "TERM": "xterm", **environment})
    text = b""
    try:
        while data := os.read(terminal, 4096):
            text += data
    except OSError:
        pass  # its end
    _, status = os.waitpid(pid, 0)
    os.close(terminal)
    assert status == 0, text.decode(errors="replace")
    return Screen(columns).write(text.decode().replace("\r\n", "\n"))


@pytest.fixture(scope="module")
def named(tmp_path_factory):
    """A cluster with a model of classes whose names are of every kind."""
    made = Cluster(tmp_path_factory.mktemp("named"))
    images = make_dataset(made.folder / "images")
    for split in ("train", "test"):
        for old, new in (("red", CAT), ("blue", CAFE), ("green", TURNED)):
            (images / split / old).rename(images / split / new)
    shutil.copy(images / "test" / CAT / "0.png", images / f"{EMOJI}{CAT}.png")
    try:
        made.start_broker()
        made.start_node("node0")
        job = made.wait_job(made.train(modelName="m", epochs=8))
        assert job["state"] == "completed", job
        yield made
    finally:
        made.stop()


def test_columns_line_up_whatever_the_names_are(named):
    screen = on_screen(named, ["report", "m"], 100)
    heading = next(i for i, line in enumerate(screen.lines) if "".join(line).startswith("CLASS"))
    rows = {name: heading + 1 + i for i, name in enumerate(sorted([CAT, CAFE, TURNED], key=str.encode))}
    right = screen.column(heading, "IMAGES") + len("IMAGES")
    for name, row in rows.items():
        assert "".join(screen.lines[row]).startswith(name.replace("\u202e", "?"))
        assert screen.column(row, " 4  ") + 2 == right, screen.text()
    image = f"images/{EMOJI}{CAT}.png"
    screen = on_screen(named, ["infer", "--top", "3", f"./{image}", f"images/test/{CAFE}/0.png"], 100)
    starts = {screen.column(row, name) for row, name in ((0, CAT), (3, CAFE))}
    percents = {screen.column(row, "%") for row in range(6)}
    assert len(starts) == 1 and len(percents) == 1, screen.text()


def test_on_a_narrow_screen_nothing_is_broken_or_lost(named):
    for command in (["nodes"], ["models"], ["jobs"], ["report", "m"]):
        screen = on_screen(named, command, 40)
        plain = named.client(*command).stdout.replace("\u202e", "?")
        for word in set(plain.split()) - {"NOTE"}:  # of which there is none
            assert word in "".join("".join(line) for line in screen.lines), (command, word, screen.text())
        assert all(re.match(r"[A-Za-z ./0-9]+  \S|$", "".join(line)) for line in screen.lines
                   if "".join(line).startswith(("NODE", "MODEL", "JOB", "CLASS", "EPOCH"))), screen.text()
    screen = on_screen(named, ["infer", f"images/test/{CAT}/0.png", "--top", "3"], 24)
    assert "".join(screen.lines[0]) == f"images/test/{CAT}/0.png"
    assert [screen.column(row, "%") for row in (1, 2, 3)] == [screen.column(1, "%")] * 3, screen.text()


@pytest.mark.parametrize("columns", [20, 40, 79])
def test_a_bar_leaves_nothing_behind_on_a_narrow_screen(named, columns):
    arguments = ["train", "resnet", "--epochs", "2", "--image-size", "32", "--batch-size", "4", "--weights", "none"]
    screen = on_screen(named, arguments, columns)
    text = "".join("".join(line) for line in screen.lines)
    assert screen.escapes and "[=" not in text and "images/s" not in text and "prepares" not in text, screen.text()
    assert text.count("Epoch [1/2], Train Loss:") == text.count("Epoch [2/2], Train Loss:") == 1, screen.text()


@pytest.mark.parametrize("terminal", ["dumb", ""])
def test_a_dumb_terminal_gets_plain_lines(named, terminal):
    arguments = ["train", "resnet", "--epochs", "2", "--image-size", "32", "--weights", "none"]
    screen = on_screen(named, arguments, 40, TERM=terminal)
    assert not screen.escapes and "Epoch [2/2]" in screen.text()


@pytest.fixture(scope="module")
def german(tmp_path_factory):
    """The environment of a German, whose numbers have commas: made here, as a test machine seldom has it."""
    folder = tmp_path_factory.mktemp("locales")
    made = subprocess.run(["localedef", "-i", "de_DE", "-f", "UTF-8", folder / "de_DE.UTF-8"], capture_output=True,
                          text=True)
    suppressions = folder / "glibc"  # its setlocale forgets a copy of LOCPATH
    suppressions.write_text("leak:__argz_add_sep\n")
    environment = {"LC_ALL": "de_DE.UTF-8", "LANG": "de_DE.UTF-8", "LOCPATH": str(folder),
                   "LSAN_OPTIONS": f"suppressions={suppressions}:print_suppressions=0"}
    told = subprocess.run([sys.executable, "-c", "import locale as l; l.setlocale(l.LC_ALL, ''); print(l.str(1.5))"],
                          env={**os.environ, **environment}, capture_output=True, text=True)
    assert told.stdout == "1,5\n", f"no German locale (Debian's package locales): {made.stderr}{told.stderr}"
    return environment


def test_numbers_have_points_in_every_locale(cluster, german, monkeypatch):
    for name, value in german.items():
        monkeypatch.setenv(name, value)
    make_dataset(cluster.folder / "images")
    cluster.start_broker()
    cluster.start_node("node0")
    told = cluster.client("train", "resnet", "--name", "m", "--epochs", 2, "--image-size", 32, "--weights", "none",
                          "--learning-rate", "0.0015").stdout
    epochs = re.findall(r"Train Loss: (\d+\.\d{4}), Train Accuracy: (\d+\.\d\d)%, Test Loss: \d+\.\d{4}", told)
    assert len(epochs) == 2, told
    model = cluster.folder / "node0/models/m"
    assert json.loads((model / "m.json").read_text())["arguments"]["learning_rate"] == 0.0015
    assert re.search(r"Train Loss: \d+\.\d{4},", (model / "m.txt").read_text())
    assert re.search(r"learning rate +0\.0015\n", cluster.client("report", "m").stdout)
    assert re.search(r"\d\.\d GiB", cluster.client("nodes").stdout)
    assert re.search(r" \d+\.\d\d%\n", cluster.client("infer", "images/test/red/0.png").stdout)
    for path in ("/nodes", "/jobs", "/models", "/get_json?node=node0&json=m", "/dataset"):
        cluster.get(path)
    refused = cluster.client("train", "resnet", "--learning-rate", "0,5", check=False)
    assert refused.returncode == 2 and "0,5" in refused.stderr
    bench = subprocess.run([harness.DCLS, "bench", "infer", "resnet", "--image-size", "32", "--steps", "1", "--json"],
                           capture_output=True, text=True, timeout=60 * harness.PATIENCE)
    assert json.loads(bench.stdout)
    # The log of each process has points in its times too.
    assert re.match(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{3} ", cluster.broker.text()), cluster.broker.text()[:100]
