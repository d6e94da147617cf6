"""Who is let in: pages of other origins, by every way that a browser gives them, over every row of the broker's table
of endpoints; and who keeps working."""
import hashlib
import http.client
import itertools
import json
import pathlib
import re
import socket

import pytest
from harness import PATIENCE, Process, make_dataset

TABLE = (pathlib.Path(__file__).parents[2] / "src/broker/http/routes.c").read_text()
ROUTES = re.findall(r'^    \{ "([A-Z]+)", "([^"]+)", \w+, [^,]+, (true|false), \w+ \},$', TABLE, re.MULTILINE)
READS = sorted({path for method, path, _ in ROUTES if method == "GET"})
WRITES = [(method, path) for method, path, _ in ROUTES if method != "GET"]
SHARED = [(method, path) for method, path, shared in ROUTES if shared == "true"]
DATA = b"of another page"
DIGEST = hashlib.sha256(DATA).hexdigest()
TRAINING = {"modelName": "colours", "modelType": "resnet", "epochs": 1, "batchSize": 4, "learningRate": 0.001}
# What each writing endpoint is asked for: it would be done.
AIMS = {("DELETE", "/nodes/*"): ("/nodes/gone", None), ("DELETE", "/jobs/*"): ("/jobs/{job}", None),
        ("DELETE", "/models/*"): ("/models/colours", None),
        ("PUT", "/blobs/*"): (f"/blobs/{DIGEST}?offset=0&size={len(DATA)}", DATA),
        ("POST", "/train"): ("/train", json.dumps(TRAINING).encode()),
        ("POST", "/inference"): ("/inference", b'{"node":"node0","imagePath":"./images/a.png","modelName":"colours"}')}
ELSEWHERE = ["http://elsewhere.example", "null", "https://localhost.elsewhere.example", "file://", "",
             "http://127.0.0.1.nip.example:80", "http://192.0.2.7:{port}"]
TYPES = ["application/json", "text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x"]


class Site:
    """A cluster, its HTTP requests by hand and what must not change."""

    def __init__(self, cluster):
        self.cluster, self.port = cluster, cluster.api_port
        make_dataset(cluster.folder / "images", train=3, test=1)
        self.job = cluster.train(modelName="waits")  # no node is there: it stays queued
        self.before = self.state()

    def send(self, method, path, body=None, **headers):
        """(status, headers, text); a header that is None is not sent."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30 * PATIENCE)
        connection.putrequest(method, path, skip_host=True, skip_accept_encoding=True)
        headers = {"Host": f"127.0.0.1:{self.port}", "Content_Length": body and len(body), **headers}
        for name, text in headers.items():
            for each in text if isinstance(text, list) else [text]:
                if each is not None:
                    connection.putheader(name.replace("_", "-"), each)
        connection.endheaders(body)
        try:
            answer = connection.getresponse()
            return answer.status, answer.headers, answer.read().decode() if answer.status >= 400 else ""
        finally:
            connection.close()

    def state(self):
        blobs = sorted(str(path) for path in (self.cluster.folder / "state/blobs").rglob("*"))
        return [self.cluster.get(path) for path in ("/jobs", "/models", "/nodes")], blobs

    def refused(self, option, method, path, body=None, **headers):
        status, answered, text = self.send(method, path, body, **headers)
        assert status == 403 and option in json.loads(text)["error"], (method, path, headers, status, text)
        assert not [name for name in answered if name.lower().startswith("access-control-")]

    def aims(self):
        for route in WRITES:
            path, body = AIMS[route]  # a new one needs a row
            yield route[0], path.format(job=self.job), body


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    from harness import Cluster
    cluster = Cluster(tmp_path_factory.mktemp("site"))
    try:
        yield Site(cluster.start_broker())
    finally:
        cluster.stop()


def read_path(pattern):
    return pattern.replace("*", "colours")


def test_the_table_was_read():
    assert len(ROUTES) == TABLE.count("SHARE_") and len(WRITES) >= 6 and len(SHARED) == 6


@pytest.mark.parametrize("origin", ELSEWHERE)
def test_a_page_of_another_origin_changes_nothing_whatever_the_content_type(site, origin):
    origin = origin.format(port=site.port)
    for (method, path, body), kind in itertools.product(site.aims(), TYPES):
        site.refused("--allow-origin", method, path, body, Origin=origin, Content_Type=kind)
    assert site.state() == site.before


def test_a_page_that_rebinds_its_name_neither_writes_nor_reads(site):
    host = f"rebound.example:{site.port}"
    for origin in (None, f"http://{host}"):
        for method, path, body in site.aims():
            site.refused("--public-name rebound.example", method, path, body, Host=host, Origin=origin)
        for path in READS:
            for site_is in (None, "same-origin", "none"):
                site.refused("--public-name rebound.example", "GET", read_path(path), Host=host, Origin=origin,
                             Sec_Fetch_Site=site_is)
    assert site.state() == site.before


def test_a_form_without_origin_of_another_site_changes_nothing(site):
    for method, path, body in site.aims():
        for kind in ("cross-site", "same-site"):
            site.refused("--allow-origin", method, path, body, Sec_Fetch_Site=kind, Sec_Fetch_Mode="navigate",
                         Sec_Fetch_Dest="document")
    assert site.state() == site.before


@pytest.mark.parametrize("pattern", READS)
def test_a_page_of_another_origin_reads_nothing(site, pattern):
    path = read_path(pattern)
    for origin in ELSEWHERE:
        site.refused("--allow-origin", "GET", path, Origin=origin.format(port=site.port))
    for dest in ("image", "script", "iframe", "audio", "style", "empty"):
        mode = "navigate" if dest == "iframe" else "no-cors"
        for referer in (None, "http://elsewhere.example/"):
            site.refused("--allow-origin", "GET", path, Sec_Fetch_Site="cross-site", Sec_Fetch_Mode=mode,
                         Sec_Fetch_Dest=dest, Referer=referer)


def test_what_is_not_there_is_not_told_to_others_either(site):
    site.refused("--allow-origin", "GET", "/none", Origin="http://elsewhere.example")
    site.refused("--public-name", "PATCH", "/none", Host="elsewhere.example")


@pytest.mark.parametrize("method,path", SHARED)
def test_preflights_are_answered_for_origins_that_are_let_in(site, method, path):
    asks = {"Access_Control_Request_Method": method, "Access_Control_Request_Headers": "content-type"}
    site.refused("--allow-origin", "OPTIONS", path, Origin="http://elsewhere.example", **asks)
    for origin in ("http://localhost:3000", "http://127.0.0.1:3000", "http://[::1]:3000"):
        status, headers, _ = site.send("OPTIONS", path, Origin=origin, **asks)
        assert (status, headers["Access-Control-Allow-Origin"]) == (204, origin)
        assert method in headers["Access-Control-Allow-Methods"] and "Origin" in headers["Vary"]


def test_answers_of_the_six_alone_may_be_read_by_a_page_beside_us(site):
    for method, path, shared in ROUTES:
        if method != "GET" or path.endswith("events"):
            continue
        _, headers, _ = site.send("GET", read_path(path), Origin="http://localhost:3000")
        assert headers["Access-Control-Allow-Origin"] == ("http://localhost:3000" if shared == "true" else None)
        assert headers["Cross-Origin-Resource-Policy"] == ("cross-origin" if shared == "true" else "same-origin")


def test_the_existing_page_shows_images_wherever_it_stands_on_this_machine(site):
    image = "/image?imagePath=./images/test/red/0.png"
    fetched = {"Sec_Fetch_Mode": "no-cors", "Sec_Fetch_Dest": "image"}
    for kind, referer in (("same-site", "http://localhost:3000/"), ("cross-site", "http://localhost:3000/"),
                          ("cross-site", "http://127.0.0.1:5173/"), (None, "http://localhost:3000/")):
        status, headers, _ = site.send("GET", image, Sec_Fetch_Site=kind, Referer=referer, **fetched)
        assert (status, headers["Cross-Origin-Resource-Policy"]) == (200, "cross-origin"), (kind, referer)
    # Over plain http from another machine a browser tells nothing: it keeps the image from other sites itself.
    for referer in (None, "http://elsewhere.example/"):
        status, headers, _ = site.send("GET", image, Referer=referer)
        assert (status, headers["Cross-Origin-Resource-Policy"]) == (200, "same-site")


def test_a_link_may_be_followed_from_anywhere(site):
    for path in ("/", "/jobs"):
        assert site.send("GET", path, Sec_Fetch_Site="cross-site", Sec_Fetch_Mode="navigate",
                         Sec_Fetch_Dest="document", Referer="https://wiki.example/")[0] == 200


@pytest.mark.parametrize("host", ["localhost", "LOCALHOST.:1", "127.0.0.1", "[::1]:8001", "192.0.2.1:80",
                                  socket.gethostname(), socket.gethostname().split(".")[0].upper() + ".local", None])
def test_names_of_this_machine_and_addresses_are_known(site, host):
    assert site.send("GET", "/healthz", Host=host)[0] == 200


@pytest.mark.parametrize("host", ["", "a b", "user@localhost", "localhost,elsewhere.example", "[::1", "localhost:x",
                                  "localhost/", "a" * 300, "a" * 10000, "l\xf6", "::1",
                                  ["localhost", "elsewhere.example"], ["localhost", "localhost"]])
def test_a_host_that_none_has_is_a_bad_request(site, host):
    status, _, text = site.send("GET", "/healthz", Host=host)
    assert status == 400 and "Host" in json.loads(text)["error"]


def test_two_origins_are_a_bad_request(site):
    assert site.send("GET", "/jobs", Origin=["http://localhost", "http://elsewhere.example"])[0] == 400


def test_http_1_0_needs_no_host(site):
    with socket.create_connection(("127.0.0.1", site.port), timeout=30 * PATIENCE) as peer:
        peer.sendall(b"GET /healthz HTTP/1.0\r\n\r\n")
        assert b" 200 OK\r\n" in peer.makefile("rb").readline()


def test_a_refusal_is_logged_with_the_option_but_not_each_time(cluster):
    site = Site(cluster.start_broker())
    for _ in range(20):
        site.refused("--public-name", "GET", "/jobs", Host="another.name")
    assert cluster.broker.text().count("--public-name another.name") == 1


def test_our_own_nodes_and_clients_call_us_by_any_name(site):
    assert site.send("GET", "/jobs", Host="another.name", Sec_Dcls="1")[0] == 200
    site.refused("--allow-origin", "GET", "/jobs", Host="another.name", Sec_Dcls="1", Origin="http://elsewhere.example")


@pytest.mark.parametrize("path", ["/", "/" + "a" * 1_200_000], ids=["short", "long"])
def test_a_page_is_no_node_whatever_it_sends_to_their_port(site, path):
    body = b'{"type": "CLIENT CONNECT", "name": "of_a_page", "models": []}\n'
    with socket.create_connection(("127.0.0.1", site.cluster.port), timeout=30 * PATIENCE) as peer:
        try:
            peer.sendall(f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nOrigin: http://elsewhere.example\r\n"
                         f"Content-Type: text/plain\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body)
            answer = peer.makefile("rb").read()  # to its end
        except ConnectionResetError:
            answer = b""
    assert answer.count(b"\n") <= 1 and b"SERVER ACK" not in answer
    assert site.cluster.get("/nodes") == {"nodes": []} and "of_a_page" not in site.cluster.broker.text()


def test_names_and_origins_are_let_in_by_option(cluster):
    site = Site(cluster.start_broker("--public-name", "photos.example,box.lan", "--public-name", "third.example",
                                     "--allow-origin", "https://pages.example", "--allow-origin", "null,http://a:81"))
    for host in ("photos.example", "BOX.lan:8001", "third.example."):
        assert site.send("GET", "/jobs", Host=host)[0] == 200
        assert site.send("GET", "/nodes", Host=host, Origin="http://" + host)[0] == 200
    site.refused("--public-name", "GET", "/jobs", Host="example")
    for origin in ("https://pages.example", "null", "http://a:81"):
        status, headers, _ = site.send("GET", "/nodes", Origin=origin)
        assert (status, headers["Access-Control-Allow-Origin"]) == (200, origin)
        status, _, text = site.send("POST", "/train", b"{}", Origin=origin)
        assert status == 400 and "modelType" in text
    site.refused("--allow-origin", "GET", "/nodes", Origin="http://pages.example")


def test_the_old_way_lets_in_every_origin_but_no_other_name(cluster):
    site = Site(cluster.start_broker("--allow-origin", "*"))
    status, headers, _ = site.send("GET", "/nodes", Origin="http://elsewhere.example")
    assert (status, headers["Access-Control-Allow-Origin"]) == (200, "*")
    assert site.send("GET", "/nodes", Sec_Fetch_Site="cross-site")[1]["Cross-Origin-Resource-Policy"] == "cross-origin"
    host = f"rebound.example:{site.port}"
    site.refused("--public-name", "DELETE", f"/jobs/{site.job}", Host=host, Origin=f"http://{host}")


@pytest.mark.parametrize("option,value", [("--allow-origin", "pages.example"), ("--allow-origin", "http://a/b"),
                                          ("--public-name", "a b"), ("--public-name", "a:80"), ("--public-name", ",")])
def test_what_is_no_name_or_origin_is_wrong_usage(tmp_path, option, value):
    broker = Process(tmp_path, "broker", "broker", "--port", 0, "--api-port", 0, option, value)
    assert broker.process.wait(20 * PATIENCE) == 2 and f"{option}: " in broker.text()
