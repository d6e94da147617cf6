"""Where a training's weights come from: the cache, an https server of this test's, or nowhere."""
import hashlib
import http.server
import json
import os
import shutil
import ssl
import subprocess
import threading
import time

import pytest

from harness import make_dataset, wait_for

TRAIN = ["train", "resnet", "--epochs", 1, "--image-size", 32, "--batch-size", 8]
NAME = "resnet18-f37072fd.pth"


@pytest.fixture
def server(tmp_path):
    """An https server of a folder, with a certificate of its own: (folder, URL, certificate, paths asked for)."""
    folder, key, certificate = tmp_path / "served", tmp_path / "key.pem", tmp_path / "certificate.pem"
    folder.mkdir()
    subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=localhost",
                    "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1", "-keyout", key, "-out", certificate],
                   check=True, capture_output=True)
    asked = []

    class Handler(http.server.SimpleHTTPRequestHandler):
        def __init__(self, *arguments):
            super().__init__(*arguments, directory=str(folder))

        def log_message(self, *arguments):
            asked.append(self.path)

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    listening = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    listening.socket = context.wrap_socket(listening.socket, server_side=True)
    thread = threading.Thread(target=listening.serve_forever)
    thread.start()
    yield folder, f"https://127.0.0.1:{listening.server_port}", certificate, asked
    listening.shutdown()
    thread.join()
    listening.server_close()


def start(cluster, monkeypatch, **environment):
    for name, value in environment.items():
        monkeypatch.setenv(name, str(value))
    make_dataset(cluster.folder / "images")
    cluster.start_broker()
    cluster.start_node("node0")


def expect_notice(cluster, done, *words):
    """The client, the job, the log and the report all say why the training started at random."""
    said = [line for line in done.stderr.splitlines() if "ImageNet weights cannot be had" in line]
    assert len(said) == 1 and said[0].startswith("dcls: "), done.stderr
    job = cluster.get("/jobs")["jobs"][0]
    log = cluster.client("log", job["modelName"]).stdout.splitlines()
    assert log[0].startswith("Epoch [1/1], Train Loss: ")
    assert log[1].startswith("Notice: ImageNet weights cannot be had, so training starts at random: ")
    for word in words:
        assert word in said[0] and word in job["notices"][0] and word in log[1], (word, said[0])
    report = json.loads(cluster.client("report", job["modelName"], "--json").stdout)
    assert report["notices"] == job["notices"] == [log[1].removeprefix("Notice: ")]
    assert job["notices"][0] in cluster.client("report", job["modelName"]).stdout


def test_imagenet_is_the_default_and_its_lack_is_told_at_once(cluster, monkeypatch, tmp_path):
    start(cluster, monkeypatch, XDG_CACHE_HOME=tmp_path / "cache")
    began = time.monotonic()
    done = cluster.client(*TRAIN)
    expect_notice(cluster, done, "cannot reach 'https://127.0.0.1:1': connection refused")
    assert time.monotonic() - began < 30
    quiet = cluster.client(*TRAIN, "--weights", "none")
    assert "ImageNet" not in quiet.stderr and "notices" not in cluster.get("/jobs")["jobs"][0]
    told = json.loads(cluster.client(*TRAIN, "--json").stdout)
    assert told["state"] == "completed" and "connection refused" in told["notices"][0]


def test_imagenet_that_was_asked_for_and_cannot_be_had_is_a_failure(cluster, monkeypatch, tmp_path):
    start(cluster, monkeypatch, XDG_CACHE_HOME=tmp_path / "cache")
    reason = "ImageNet weights cannot be had: cannot reach 'https://127.0.0.1:1': connection refused"
    done = cluster.client(*TRAIN, "--weights", "imagenet", "--name", "m", check=False)
    assert done.returncode == 1 and reason in done.stderr and "at random" not in done.stderr
    job = cluster.wait_job(cluster.train(weights="imagenet", modelName="m"))
    assert job["state"] == "failed" and reason in job["error"] and "notices" not in job
    assert not (cluster.folder / "node0/models/m").exists()
    assert cluster.wait_job(cluster.train(modelName="m"))["state"] == "completed"


def test_a_file_of_another_digest_is_refused_wherever_it_comes_from(cluster, monkeypatch, server, tmp_path):
    folder, url, certificate, asked = server
    cache = tmp_path / "cache/dcls"
    cache.mkdir(parents=True)
    (cache / NAME).write_bytes(b"something else")
    (folder / NAME).write_bytes(b"neither the right one")
    start(cluster, monkeypatch, XDG_CACHE_HOME=cache.parent, DCLS_WEIGHTS_URL=url + "/", SSL_CERT_FILE=certificate)
    done = cluster.client(*TRAIN)
    expect_notice(cluster, done, f"'weights/{NAME}' is refused: its SHA-256 begins with")
    assert len(asked) == 1 and NAME in asked[0]
    assert not (cache / (NAME + ".part")).exists() and (cache / NAME).read_bytes() == b"something else"


def test_https_without_a_known_certificate_is_refused(cluster, monkeypatch, server, tmp_path):
    _, url, _, asked = server
    start(cluster, monkeypatch, XDG_CACHE_HOME=tmp_path / "cache", DCLS_WEIGHTS_URL=url)
    expect_notice(cluster, cluster.client(*TRAIN), "certificate")
    assert not asked


def test_weights_of_a_url_are_fetched_by_the_client_and_checked_by_their_name(cluster, monkeypatch, server, tmp_path):
    folder, url, certificate, asked = server
    start(cluster, monkeypatch, XDG_CACHE_HOME=tmp_path / "cache", SSL_CERT_FILE=certificate)
    cluster.client("train", "resnet", "--name", "first", "--epochs", 10, *TRAIN[4:], "--weights", "none")
    model = cluster.folder / "node0/models/first/first.pth"
    digest = hashlib.sha256(model.read_bytes()).hexdigest()
    shutil.copy(model, folder / f"first-{digest[:8]}.pth")
    shutil.copy(model, folder / "first-00000000.pth")
    done = cluster.client(*TRAIN, "--learning-rate", 0, "--weights", f"{url}/first-{digest[:8]}.pth")
    assert "Test Accuracy: 100.00%" in done.stdout + done.stderr and "ImageNet" not in done.stderr
    for wrong, culprit in (f"{url}/first-00000000.pth", "00000000"), (f"{url}/none.pth", "404"):
        done = cluster.client(*TRAIN, "--weights", wrong, check=False)
        assert done.returncode == 1 and culprit in done.stderr.splitlines()[-1]
    assert cluster.client(*TRAIN, "--weights", "http://127.0.0.1/x.pth", check=False).returncode == 2


def test_a_download_is_told_while_it_lasts(cluster, monkeypatch, server, tmp_path):
    folder, url, certificate, _ = server
    started = threading.Event()

    class Slow:
        """What SimpleHTTPRequestHandler copies from: 100 kB at a time, three times a second."""

        def __init__(self, file):
            self.file = file

        def read(self, _size=-1):
            started.set()
            time.sleep(0.3)
            return self.file.read(100_000)

        def close(self):
            self.file.close()

    monkeypatch.setattr(http.server.SimpleHTTPRequestHandler, "copyfile",
                        lambda self, source, out: shutil.copyfileobj(Slow(source), out))
    (folder / NAME).write_bytes(bytes(1_500_000))
    start(cluster, monkeypatch, XDG_CACHE_HOME=tmp_path / "cache", DCLS_WEIGHTS_URL=url, SSL_CERT_FILE=certificate)
    job = cluster.train()
    assert started.wait(20)
    told = wait_for("word of the download", lambda: (lambda reason: reason if reason.startswith("fetching") else None)(
        cluster.job(job).get("reason", "")))
    assert told.startswith(f"fetching '{NAME}', ") and told.endswith(" MB so far"), told
    ended = cluster.wait_job(job)
    assert ended["state"] == "completed" and "reason" not in ended
    assert "is not what was asked for" in ended["notices"][0]
    assert os.listdir(tmp_path / "cache/dcls") == [NAME + ".lock"]


def test_a_cancel_ends_a_download(cluster, monkeypatch, server, tmp_path):
    folder, url, certificate, _ = server
    started, go_on = threading.Event(), threading.Event()

    def stuck(self, source, out):
        out.write(source.read(1000))
        out.flush()
        started.set()
        go_on.wait(60)

    monkeypatch.setattr(http.server.SimpleHTTPRequestHandler, "copyfile", stuck)
    (folder / NAME).write_bytes(bytes(1_500_000))
    start(cluster, monkeypatch, XDG_CACHE_HOME=tmp_path / "cache", DCLS_WEIGHTS_URL=url, SSL_CERT_FILE=certificate)
    job = cluster.train()
    try:
        assert started.wait(20)
        cluster.client("cancel", job)
        assert cluster.wait_job(job, seconds=10)["state"] == "cancelled"
    finally:
        go_on.set()
