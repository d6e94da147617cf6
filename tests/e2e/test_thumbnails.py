"""GET /image with a width: small pictures, made by a child process and kept on disk."""
import concurrent.futures
import io
import json
import os
import pathlib
import random
import shutil
import signal
import socket
import struct
import time
import urllib.parse
import zlib

import pytest
from harness import wait_for, worker_of
from PIL import Image

FIXTURES = pathlib.Path(__file__).parents[1] / "fixtures/images"


@pytest.fixture
def broker(cluster):
    (cluster.folder / "images").mkdir()
    return cluster.start_broker()


def ask(cluster, name, width=64, headers=None):
    """(status, headers, bytes) of a thumbnail."""
    path = urllib.parse.quote(f"images/{name}")
    return cluster.request("GET", f"/image?imagePath={path}&width={width}", headers=headers)


def picture(cluster, name, width=64):
    status, headers, body = ask(cluster, name, width)
    assert status == 200 and headers["Content-Type"] == "image/jpeg", (name, status, body)
    return Image.open(io.BytesIO(body)).convert("RGB")


def helper_of(cluster):
    pid, = wait_for("the helper", lambda: worker_of(cluster.broker, "helper"))
    return pid


def failures(cluster):
    """How many could not be made, as the metrics tell."""
    text = cluster.request("GET", "/metrics")[2].decode()
    return int(next(line.split()[1] for line in text.splitlines()
                    if line.startswith('dcls_thumbnails_total{outcome="failed"}')))


def make(cluster, name, size=(320, 240), colour=(200, 30, 30), **options):
    path = cluster.folder / "images" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", size, colour).save(path, **options)
    return path


def kept(cluster):
    folder = cluster.folder / "state/thumbnails"
    return sorted(folder.iterdir()) if folder.exists() else []


def photo(width, height):
    """The bytes of a JPEG of noise, which takes long to decode for its size."""
    pixels = Image.frombytes("RGB", (256, 256), random.Random(1).randbytes(3 * 256 * 256))
    out = io.BytesIO()
    pixels.resize((width, height)).save(out, "JPEG", quality=90)
    return out.getvalue()


def test_it_is_as_wide_as_asked_in_the_images_aspect_and_never_larger(broker):
    make(broker, "wide.png", (640, 480))
    make(broker, "tall.jpg", (300, 600))
    make(broker, "small.png", (40, 20))
    assert picture(broker, "wide.png", 160).size == (160, 120)
    assert picture(broker, "wide.png", 16).size == (16, 12)
    assert picture(broker, "tall.jpg", 100).size == (100, 200)
    assert picture(broker, "small.png", 1024).size == (40, 20)
    red, green, blue = picture(broker, "wide.png").getpixel((32, 24))
    assert red > 180 and green < 60 and blue < 60


def test_a_photo_stands_upright(broker):
    sideways = Image.new("RGB", (200, 100), (220, 20, 20))
    sideways.paste((20, 20, 220), (100, 0, 200, 100))
    exif = Image.Exif()
    exif[0x0112] = 6
    sideways.save(broker.folder / "images/turned.jpg", exif=exif)
    shown = picture(broker, "turned.jpg", 50)
    assert shown.size == (50, 100)
    assert shown.getpixel((25, 10))[0] > 180 and shown.getpixel((25, 90))[2] > 180


def test_every_format_that_is_read_has_thumbnails_as_pillow_would_scale_them(broker):
    names = [path.name for path in sorted(FIXTURES.iterdir()) if (FIXTURES / (path.name + ".ppm")).exists()]
    names.remove("exif.jpg")  # which is turned
    assert {name.rsplit(".", 1)[1] for name in names} >= {"jpg", "png", "webp", "heic", "avif", "bmp", "gif", "ppm"}
    missing = "to read"  # a package that decodes it is not installed
    for name in names:
        shutil.copy(FIXTURES / name, broker.folder / "images" / name)
        status, _, body = ask(broker, name, 16)
        if status == 415 and name.endswith((".heic", ".avif")) and missing in body.decode():
            continue
        if name.endswith((".pgm", ".pbm", ".ppm")) and status == 404:
            continue  # no ending that the broker serves
        assert status == 200, (name, status, body)
        with Image.open(FIXTURES / (name + ".ppm")) as whole:
            shown = Image.open(io.BytesIO(body))
            width = min(16, whole.width)
            assert shown.size == (width, max(1, min(64, round(whole.height * width / whole.width)))), name
            near = io.BytesIO()  # written by the same library, so that what is left is decoding and scaling
            whole.convert("RGB").resize(shown.size, Image.BILINEAR).save(near, "JPEG", quality=82)
            pixels = zip(Image.open(near).convert("RGB").tobytes(), shown.convert("RGB").tobytes())
            assert sum(abs(a - b) for a, b in pixels) / (3 * shown.width * shown.height) < 3, name


def bomb(width, height):
    """A PNG of zeros, interlaced, so that it has to lie in memory whole."""
    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
    packer = zlib.compressobj(1)
    row = bytes(1 << 20)
    data = b"".join(packer.compress(row) for _ in range(width * height * 3 >> 20)) + packer.flush()
    return (b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 1)) +
            chunk(b"IDAT", data) + chunk(b"IEND", b""))


def test_what_cannot_be_decoded_is_told_and_the_helper_lives_on(broker):
    images = broker.folder / "images"
    make(broker, "good.png")
    (images / "words.jpg").write_text("no image at all")
    (images / "empty.jpg").touch()
    (images / "video.png").write_bytes(b"\0\0\0\x18ftypmp42" + bytes(100))
    (images / "cut.jpg").write_bytes(photo(300, 300)[:2000])
    (images / "broken.png").write_bytes((FIXTURES / "rgb.png").read_bytes()[:40] + bytes(60))
    (images / "bomb.png").write_bytes(bomb(60000, 2))
    (images / "huge.png").write_bytes(b"\x89PNG\r\n\x1a\n" + bytes([0, 0, 0, 13]) + b"IHDR" +
                                      struct.pack(">IIBBBBB", 60000, 60000, 8, 2, 0, 0, 0) + bytes(4))
    assert picture(broker, "good.png").size == (64, 48)
    pid = helper_of(broker)
    for name, wanted in (("words.jpg", 415), ("empty.jpg", 415), ("video.png", 415), ("cut.jpg", 422),
                         ("broken.png", 422), ("huge.png", 422), ("bomb.png", 422)):
        status, _, body = ask(broker, name)
        assert status == wanted and json.loads(body)["error"], (name, status, body)
    assert picture(broker, "good.png", 65).size[0] == 65
    assert helper_of(broker) == pid
    assert len(kept(broker)) == 2


def test_a_width_that_is_none_is_refused(broker):
    make(broker, "a.png")
    for width in ("0", "15", "1025", "-64", "64.5", "x", "", "1e9", "1.6e2", "%2064", "%2B64", "64%20",
                  "99999999999999999999"):
        status, _, body = broker.request("GET", f"/image?imagePath=images/a.png&width={width}")
        assert status == 400 and "width" in json.loads(body)["error"], (width, status, body)


def test_nothing_outside_of_the_folder_is_shown(broker):
    outside = broker.folder / "secret.png"
    make(broker, "a.png").rename(outside)
    images = broker.folder / "images"
    (images / "link.png").symlink_to(outside)
    (images / "folder.png").mkdir()
    os.mkfifo(images / "pipe.png")
    for name in ("../secret.png", "link.png", "folder.png", "pipe.png", "none.png", "/etc/passwd", ".", ""):
        status, _, body = ask(broker, name)
        assert status == 404 and json.loads(body) == {"error": "Image not found"}, (name, status)
    assert broker.request("GET", "/image?width=64")[0] == 404
    assert not kept(broker)


def test_a_kill_in_the_middle_costs_one_request(broker):
    make(broker, "good.png")
    assert picture(broker, "good.png").size == (64, 48)
    pid = helper_of(broker)
    os.kill(pid, signal.SIGSTOP)
    with concurrent.futures.ThreadPoolExecutor() as pool:
        first = pool.submit(ask, broker, "good.png", 70)
        time.sleep(0.5)
        second = pool.submit(ask, broker, "good.png", 80)
        time.sleep(0.2)
        os.kill(pid, signal.SIGKILL)
        status, _, body = first.result()
        assert status == 500 and "SIGKILL" in json.loads(body)["error"], (status, body)
        assert second.result()[0] == 200
    assert helper_of(broker) != pid
    wait_for("the log", lambda: "the helper process was killed by SIGKILL" in broker.broker.text())
    assert ask(broker, "good.png", 70)[0] == 200


def test_it_is_made_once_however_many_ask_and_kept_over_a_restart(broker):
    (broker.folder / "images/large.jpg").write_bytes(photo(3000, 3000))
    with concurrent.futures.ThreadPoolExecutor(6) as pool:
        answers = list(pool.map(lambda _: ask(broker, "large.jpg"), range(6)))
    assert {(status, body) for status, _, body in answers} == {(200, answers[0][2])}
    file, = kept(broker)
    assert broker.broker.stop() == 0
    broker.start_broker()
    status, headers, body = ask(broker, "large.jpg")
    assert status == 200 and body == answers[0][2] and headers["ETag"] == answers[0][1]["ETag"]
    assert not worker_of(broker.broker, "helper")
    file.write_bytes(file.read_bytes()[:-1] + b"x")
    assert ask(broker, "large.jpg")[2] == body
    assert worker_of(broker.broker, "helper") and kept(broker) == [file]


def test_who_has_it_is_told_so_and_a_changed_image_is_another(broker):
    path = make(broker, "a.png")
    status, headers, body = ask(broker, "a.png")
    assert status == 200 and headers["Cache-Control"] == "private, max-age=3600"
    tag = headers["ETag"]
    status, headers, nothing = ask(broker, "a.png", headers={"If-None-Match": f'"x", {tag}'})
    assert (status, nothing) == (304, b"") and headers["ETag"] == tag
    assert ask(broker, "a.png", 65, {"If-None-Match": tag})[0] == 200
    Image.new("RGB", (320, 240), (10, 10, 200)).save(path)
    status, headers, other = ask(broker, "a.png", headers={"If-None-Match": tag})
    assert status == 200 and headers["ETag"] != tag and other != body
    status, headers, nothing = broker.request("HEAD", "/image?imagePath=images/a.png&width=64")
    assert (status, nothing, headers["Content-Length"]) == (200, b"", str(len(other)))


def test_what_is_kept_stays_within_its_quota(cluster):
    (cluster.folder / "images").mkdir()
    cluster.start_broker("--thumbnail-quota", 1)
    stranger = cluster.folder / "state/thumbnails/notes.txt"
    large = photo(1024, 1024)
    for i in range(12):
        (cluster.folder / f"images/{i}.jpg").write_bytes(large)
        assert picture(cluster, f"{i}.jpg", 1024).size == (1024, 1024)
        stranger.write_text("mine")
    files = [path for path in kept(cluster) if path != stranger]
    assert 0 < sum(path.stat().st_size for path in files) <= 1 << 20 and len(files) < 12
    assert stranger.exists()


def test_where_too_many_wait_one_is_told_to_come_again(broker):
    make(broker, "first.png")
    assert picture(broker, "first.png").size == (64, 48)
    os.kill(helper_of(broker), signal.SIGSTOP)
    for i in range(80):
        make(broker, f"{i}.png", (20, 20))
    with concurrent.futures.ThreadPoolExecutor(80) as pool:
        waiting = [pool.submit(ask, broker, f"{i}.png") for i in range(80)]
        refused = wait_for("refusals", lambda: [each for each in waiting if each.done()])
        for each in refused:
            status, headers, body = each.result()
            assert status == 503 and int(headers["Retry-After"]) > 0 and "wait" in json.loads(body)["error"]
        os.kill(helper_of(broker), signal.SIGCONT)
        answers = [each.result()[0] for each in waiting]
    assert answers.count(200) + answers.count(503) == 80 and answers.count(200) >= 60
    assert failures(broker) == answers.count(503)


def test_what_took_too_long_twice_is_not_tried_at_each_view_and_what_waited_too_long_is_told(broker):
    path = make(broker, "slow.png", (6000, 6000))
    make(broker, "good.png")
    assert picture(broker, "good.png").size == (64, 48)
    first = helper_of(broker)
    os.kill(first, signal.SIGSTOP)
    with concurrent.futures.ThreadPoolExecutor(20) as pool:
        waiting = {width: pool.submit(ask, broker, "slow.png", width) for width in range(70, 90)}
        second, = wait_for("the next helper", lambda: [pid for pid in worker_of(broker.broker, "helper")
                                                       if pid != first], 30)
        os.kill(second, signal.SIGSTOP)
        answers = {width: each.result() for width, each in waiting.items()}
    late, busy = ([width for width, (found, _, _) in answers.items() if found == status] for status in (504, 503))
    assert len(late) == 2 and busy and failures(broker) == 2 + len(busy)
    for width in busy:
        assert int(answers[width][1]["Retry-After"]) > 0 and "15 s" in json.loads(answers[width][2])["error"]
    with concurrent.futures.ThreadPoolExecutor(1) as pool:
        again = pool.submit(ask, broker, "slow.png", late[0])
        third, = wait_for("a third helper", lambda: [pid for pid in worker_of(broker.broker, "helper")
                                                     if pid not in (first, second)], 30)
        os.kill(third, signal.SIGSTOP)
        assert again.result()[0] == 504
    status, _, body = ask(broker, "slow.png", late[0])
    assert status == 504 and "more than 10 s" in json.loads(body)["error"]
    assert failures(broker) == 4 + len(busy)
    assert set(worker_of(broker.broker, "helper")) <= {third}  # which may still be about to end: nothing was tried
    assert ask(broker, "slow.png", late[1])[0] == ask(broker, "slow.png", busy[0])[0] == 200
    os.utime(path, (1, 1))
    assert ask(broker, "slow.png", late[0])[0] == 200


def test_what_nobody_waits_for_any_more_is_not_made(broker):
    for name in ("first.png", "left.png", "last.png"):
        make(broker, name)
    assert picture(broker, "first.png").size == (64, 48)
    pid = helper_of(broker)
    os.kill(pid, signal.SIGSTOP)
    with concurrent.futures.ThreadPoolExecutor() as pool:
        under_way = pool.submit(ask, broker, "first.png", 65)
        time.sleep(0.3)
        with socket.create_connection(("127.0.0.1", broker.api_port)) as line:
            line.sendall(b"GET /image?imagePath=images/left.png&width=64 HTTP/1.1\r\nHost: localhost\r\n\r\n")
            time.sleep(0.3)
        last = pool.submit(ask, broker, "last.png")
        time.sleep(0.3)
        os.kill(pid, signal.SIGCONT)
        assert under_way.result()[0] == last.result()[0] == 200
    assert len(kept(broker)) == 3
    assert failures(broker) == 0


def test_the_helper_ends_with_the_broker(broker):
    make(broker, "a.png")
    assert picture(broker, "a.png").size == (64, 48)
    pid = helper_of(broker)
    broker.broker.kill()
    wait_for("the helper's end", lambda: not pathlib.Path(f"/proc/{pid}").exists() or
             "Z" in pathlib.Path(f"/proc/{pid}/stat").read_text().split()[2])
