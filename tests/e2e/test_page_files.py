"""The page as the broker serves it: each of its files, as it stands in the repository, under headers that let in
nothing else."""
import gzip
import http.client
import pathlib

import pytest
from harness import PATIENCE

PAGE = pathlib.Path(__file__).parents[2] / "src/broker/page"
FILES = sorted(path.name for path in PAGE.iterdir() if not path.name.endswith("~"))
TYPES = {".html": "text/html; charset=utf-8", ".css": "text/css; charset=utf-8",
         ".js": "text/javascript; charset=utf-8", ".svg": "image/svg+xml", ".png": "image/png"}
CLOSED = {"default-src": "'none'", "script-src": "'self'", "style-src": "'self'", "connect-src": "'self'",
          "img-src": "'self' blob: data:", "media-src": "'self' blob:", "base-uri": "'none'", "form-action": "'none'",
          "frame-ancestors": "'none'"}


@pytest.fixture(scope="module")
def fetch(trained):
    """fetch(method, path, headers): (status, headers, bytes), all on one connection."""
    connection = http.client.HTTPConnection("127.0.0.1", trained.api_port, timeout=30 * PATIENCE)

    def send(method, path, **headers):
        connection.request(method, path, headers={name.replace("_", "-"): text for name, text in headers.items()})
        answer = connection.getresponse()
        return answer.status, answer.headers, answer.read()

    yield send
    connection.close()


@pytest.mark.parametrize("name", FILES)
def test_each_file_is_served_as_it_stands(fetch, name):
    status, headers, body = fetch("GET", f"/page/{name}", Accept_Encoding="identity")
    assert (status, body) == (200, (PAGE / name).read_bytes())
    assert headers["Content-Type"] == TYPES[pathlib.Path(name).suffix] and "Content-Encoding" not in headers
    status, headers, packed = fetch("GET", f"/page/{name}", Accept_Encoding="br, gzip")
    assert headers["Content-Encoding"] == "gzip" and gzip.decompress(packed) == body


def test_the_page_is_at_the_root(fetch):
    assert fetch("GET", "/")[2] == (PAGE / "index.html").read_bytes()
    assert fetch("GET", "/?x=1")[0] == 200


def test_chart_js_comes_along(fetch):
    status, headers, body = fetch("GET", "/page/chart.js")
    assert status == 200 and headers["Content-Type"] == TYPES[".js"]
    assert b"Chart.js v" in body[:200] and b"MIT License" in body[:200]
    assert int(fetch("HEAD", "/page/chart.js", Accept_Encoding="gzip")[1]["Content-Length"]) < 100_000


@pytest.mark.parametrize("path", ["/", "/page/index.html", "/page/chart.js"])
def test_nothing_but_this_broker_is_let_into_the_page(fetch, path):
    _, headers, _ = fetch("GET", path)
    policy = dict(each.strip().split(" ", 1) for each in headers["Content-Security-Policy"].split(";"))
    assert policy == CLOSED
    assert (headers["X-Content-Type-Options"], headers["Referrer-Policy"]) == ("nosniff", "no-referrer")
    assert "Access-Control-Allow-Origin" not in headers


@pytest.mark.parametrize("path", ["/", "/page/chart.js"])
def test_what_a_browser_has_is_not_sent_again(fetch, path):
    _, headers, _ = fetch("GET", path)
    assert headers["Cache-Control"] == "no-cache"
    for known in (headers["ETag"], f'"other", {headers["ETag"]}', headers["ETag"].removeprefix("W/")):
        status, again, body = fetch("GET", path, If_None_Match=known)
        assert (status, body, again["ETag"]) == (304, b"", headers["ETag"]) and "Content-Length" not in again
    assert fetch("GET", path, If_None_Match='"other"')[0] == 200


def test_head_has_the_headers_alone(fetch):
    _, headers, body = fetch("GET", "/page/chart.js")
    status, same, nothing = fetch("HEAD", "/page/chart.js")
    assert (status, nothing, same["Content-Length"]) == (200, b"", str(len(body)))
    assert same["ETag"] == headers["ETag"]


@pytest.mark.parametrize("path", ["/page/none.js", "/page/", "/page", "/page/..%2fpage_files.h", "/page/../index.html",
                                  "/page/%2e%2e", "/page/index.html/", "/page/index.html%00.js", "/index.html"])
def test_there_is_nothing_else(fetch, path):
    status, headers, _ = fetch("GET", path)
    assert status == 404 and headers["Content-Type"] == "application/json"


def test_the_page_is_not_written_to(fetch):
    for path in ("/", "/page/index.html"):
        assert fetch("POST", path)[0] == 405 and fetch("DELETE", path)[0] == 405
