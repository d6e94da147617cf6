"""`dcls helper` by itself: what it is asked over its socket, and what is no request."""
import json
import os
import pathlib
import random
import resource
import socket
import subprocess

import pytest
from harness import DCLS, PATIENCE
from PIL import Image

IMAGES = pathlib.Path(__file__).parents[1] / "fixtures/images"


class Helper:
    def __init__(self):
        self.line, other = socket.socketpair()
        self.line.settimeout(20 * PATIENCE)
        self.process = subprocess.Popen([DCLS, "helper", "--fd", str(other.fileno())], pass_fds=[other.fileno()],
                                        stdin=subprocess.DEVNULL, stderr=subprocess.PIPE)
        self.answers = self.line.makefile("rb")
        other.close()

    def answer(self):
        text = self.answers.readline()
        assert text, "the helper ended"
        return json.loads(text)

    def ask(self, request, files=()):
        text = request if isinstance(request, bytes) else json.dumps(request).encode()
        text += b"\n"
        sent = socket.send_fds(self.line, [text], list(files))
        self.line.sendall(text[sent:])
        return self.answer()

    def thumbnail(self, path, width=64):
        """(answer, bytes of the file)."""
        out = os.memfd_create("out")
        with open(path, "rb") as file:
            answer = self.ask({"request": "thumbnail", "width": width}, [file.fileno(), out])
        size = os.fstat(out).st_size
        found = os.pread(out, size, 0)
        os.close(out)
        return answer, found

    def open_files(self):
        return len(os.listdir(f"/proc/{self.process.pid}/fd"))

    def end(self):
        """Closes the line: the process has to end by itself, and well."""
        self.answers.close()
        self.line.close()
        words = self.process.communicate(timeout=20 * PATIENCE)[1].decode()
        assert self.process.returncode == 0 and "Sanitizer" not in words and "runtime error" not in words, words


@pytest.fixture
def helper():
    made = Helper()
    yield made
    made.end()


def test_an_image_becomes_a_small_jpeg(helper):
    answer, found = helper.thumbnail(IMAGES / "420.jpg", 16)
    assert answer["width"] == 16 and answer["bytes"] == len(found) and found.startswith(b"\xff\xd8\xff")


def test_what_the_system_refuses_is_told_apart_from_what_is_wrong_with_a_file(helper, tmp_path):
    large = tmp_path / "large.png"
    Image.new("RGB", (6000, 6000)).save(large)
    with open(IMAGES / "444.jpg", "rb") as image, open("/dev/full", "wb") as full:
        answer = helper.ask({"request": "thumbnail", "width": 64}, [image.fileno(), full.fileno()])
    assert answer["status"] == 507 and "No space left on device" in answer["error"], answer
    assert "error" not in helper.thumbnail(large)[0]
    space = int(pathlib.Path(f"/proc/{helper.process.pid}/statm").read_text().split()[0]) * os.sysconf("SC_PAGESIZE")
    if space < 1 << 40:  # a sanitizer has all address space to begin with, and cannot be kept from it
        resource.prlimit(helper.process.pid, resource.RLIMIT_AS, (space + (32 << 20),) * 2)
        answer = helper.thumbnail(large)[0]
        assert answer["status"] == 503 and "memory" in answer["error"], answer


def test_what_is_no_request_is_refused_and_costs_nothing_else(helper):
    assert helper.ask({})["error"]  # it is up
    files = helper.open_files()
    open_ones = [os.open("/dev/null", os.O_RDONLY) for _ in range(9)]
    cases = [(b"x", 0), (b"[]", 0), (b"{}", 0), (b'{"request": 7}', 0), (b'{"request": "fly"}', 0),
             (b'{"request": "thumbnail"}', 0), (b'{"request": "thumbnail", "width": 64}', 1),
             (b'{"request": "thumbnail", "width": 64}', 3), (b'{"request": "thumbnail", "width": 64}', 9),
             (b'{"request": "thumbnail", "width": 15}', 2), (b'{"request": "thumbnail", "width": 1025}', 2),
             (b'{"request": "thumbnail", "width": 64.5}', 2), (b'{"request": "thumbnail", "width": 1e300}', 2),
             (b'{"request": "thumbnail", "width": "64"}', 2), (b'{"request": "thumbnail", "width": 64}', 2),
             (b'{"request": "' + b"x" * (1 << 21) + b'"}', 0), (b"[" * 100000, 0)]
    for text, count in cases:
        assert helper.ask(text, open_ones[:count])["error"], text[:80]
        assert helper.open_files() == files, text[:80]
    for file in open_ones:
        os.close(file)
    assert "error" not in helper.thumbnail(IMAGES / "444.jpg")[0]


def test_random_bytes_neither_end_it_nor_hang_it(helper):
    rng = random.Random(7)
    base = b'{"request": "thumbnail", "width": 64}'
    for _ in range(300):
        text = bytearray(base)
        for _ in range(rng.randint(1, 6)):
            text[rng.randrange(len(text))] = rng.choice(b'\x01"{}[]\\,:0\xff-e' + bytes([rng.randint(0, 255)]))
        text = bytes(text).replace(b"\n", b" ")
        # A line of its own behind it: whatever the first was, the second is answered last.
        socket.send_fds(helper.line, [text + b'\n{"request": "the last"}\n'], [])
        while "the last" not in helper.answer()["error"]:
            pass


def test_it_ends_where_its_descriptor_is_no_socket():
    done = subprocess.run([DCLS, "helper", "--fd", "0"], stdin=subprocess.DEVNULL, capture_output=True, text=True,
                          timeout=20 * PATIENCE)
    assert done.returncode == 1 and done.stderr == "dcls: descriptor 0 is no socket\n"
