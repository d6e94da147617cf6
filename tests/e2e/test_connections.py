"""Many HTTP connections: whoever they are of, the rest are served, and who cannot be is told so at once."""
import concurrent.futures
import json
import os
import signal
import socket
import time

import pytest

from harness import PATIENCE, make_dataset, wait_for, worker_of

MAX = 16  # connections: 8 for requests of clients, 4 for event streams
TRAIN = json.dumps({"modelType": "resnet", "epochs": 1}).encode()


@pytest.fixture
def small(cluster):
    """A broker for few connections, which has images."""
    make_dataset(cluster.folder / "images")
    return cluster.start_broker("--max-http-connections", MAX)


def connect(cluster, text=b""):
    connection = socket.create_connection(("127.0.0.1", cluster.api_port), 10)
    connection.sendall(text)
    return connection


def ask(cluster, method, path, body=b""):
    head = f"{method} {path} HTTP/1.1\r\nHost: localhost\r\nContent-Length: {len(body)}\r\n\r\n"
    return connect(cluster, head.encode() + body)


def head_of(connection):
    """The status and headers of the answer, in lower case."""
    text = b""
    while b"\r\n\r\n" not in text:
        piece = connection.recv(1 << 16)
        assert piece, text
        text += piece
    return text.split(b"\r\n\r\n")[0].decode().lower()


def close_all(connections):
    for connection in connections:
        connection.close()


def refusal(cluster, path):
    """(status, headers, error) of what has to come at once."""
    start = time.monotonic()
    status, headers, body = cluster.request("GET", path)
    assert time.monotonic() - start < 2 * PATIENCE
    return status, headers, json.loads(body).get("error")


def test_clients_over_their_share_are_told_at_once_and_nodes_are_served(small):
    waiting = [ask(small, "POST", "/train", TRAIN) for _ in range(MAX // 2)]  # no node: they wait
    wait_for("all submitted", lambda: refusal(small, "/jobs")[0] == 503)
    status, headers, error = refusal(small, "/nodes")
    assert (status, headers["Retry-After"], headers["Connection"]) == (503, "1", "close")
    assert error == "8 requests of clients are under way: try again"
    for path in ("/dataset", "/healthz", "/image?imagePath=images/test/red/0.png"):
        assert small.request("GET", path)[0] == 200, path
    status, _, body = small.request("PUT", "/blobs/" + "0" * 64 + "?offset=0&size=4", b"ab")
    assert status == 200, body
    close_all(waiting)


def test_who_waits_for_small_pictures_is_a_client_and_nodes_are_served(small):
    picture = "/image?imagePath=images/test/red/0.png&width="
    assert small.request("GET", picture + "16")[0] == 200
    helper, = worker_of(small.broker, "helper")
    os.kill(helper, signal.SIGSTOP)
    waiting = [ask(small, "GET", picture + "17") for _ in range(MAX // 2)]
    wait_for("all waiting", lambda: refusal(small, "/jobs")[0] == 503)
    assert refusal(small, picture + "16")[2] == "8 requests of clients are under way: try again"
    for path in ("/dataset", "/healthz", "/image?imagePath=images/test/red/0.png"):
        assert small.request("GET", path)[0] == 200, path
    os.kill(helper, signal.SIGCONT)
    assert all(head_of(each).startswith("http/1.1 200") for each in waiting)
    close_all(waiting)


def test_a_client_that_left_keeps_no_place(small):
    waiting = [ask(small, "POST", "/train", TRAIN) for _ in range(MAX // 2)]
    wait_for("all submitted", lambda: refusal(small, "/jobs")[0] == 503)
    close_all(waiting)
    wait_for("room again", lambda: small.request("GET", "/jobs")[0] == 200)
    assert len(small.get("/jobs")["jobs"]) == MAX // 2  # what was submitted stays


def test_event_streams_have_a_share_of_their_own(small):
    streams = [ask(small, "GET", "/events") for _ in range(MAX // 4)]
    assert all(head_of(stream).startswith("http/1.1 200") for stream in streams)
    status, headers, error = refusal(small, "/events")
    assert (status, headers["Retry-After"], error) == (503, "1", "4 event streams are under way: try again")
    assert small.get("/nodes") == {"nodes": []}
    streams.pop().close()
    wait_for("a stream's place", lambda: head_of(ask(small, "GET", "/events")).startswith("http/1.1 200"))
    close_all(streams)


@pytest.mark.parametrize("text", [b"", b"GET /nodes HTTP/1.1\r\nHost: [::1]\r\n\r\n", b"POST /train HTTP/1.1\r\n"],
                         ids=["silent", "answered", "begun"])
def test_connections_that_ask_for_nothing_make_room(small, text):
    idle = [connect(small, text) for _ in range(2 * MAX)]  # whose turn comes first; 3 s each MAX
    for seconds in (10, 2, 2):
        start = time.monotonic()
        assert small.get("/nodes") == {"nodes": []}
        assert time.monotonic() - start < seconds * PATIENCE
    close_all(idle)


def test_a_request_that_trickles_is_cut_off(small):
    slow = connect(small, b"GET /nodes HTTP/1.1\r\n")
    start = time.monotonic()
    try:
        while time.monotonic() - start < 25 * PATIENCE:
            slow.sendall(b"X: y\r\n")
            time.sleep(0.5)
        raise AssertionError("it was not closed")
    except (BrokenPipeError, ConnectionResetError):
        assert time.monotonic() - start > 9
    slow.close()


def test_more_clients_than_connections_classify_photos_and_none_waits_in_vain(cluster):
    make_dataset(cluster.folder / "images")
    cluster.start_broker("--max-http-connections", MAX)
    cluster.start_node("node0")
    assert cluster.wait_job(cluster.train(modelName="colours"))["state"] == "completed"
    photo = (cluster.folder / "images/test/red/0.png").read_bytes()

    def classify(number):
        if number % 2:
            return cluster.request("POST", "/inference", {"imagePath": "images/test/red/0.png"})[0]
        return cluster.request("POST", "/inference?model=colours", photo + b"%d" % number,
                               {"Content-Type": "image/png"})[0]

    with concurrent.futures.ThreadPoolExecutor(8 * MAX) as pool:
        found = list(pool.map(classify, range(16 * MAX)))
    assert set(found) <= {200, 503}
    assert found.count(200) >= MAX // 2
