"""Pages of other origins in the browser of a person whose broker runs: what they send is refused and changes nothing,
and they read nothing. Each endpoint of the broker's own table is tried; what shows that the tries are good ones is that
they are taken where the broker is told to."""
import json
import pathlib
import re

import pytest
from browser import FOREIGN, REBOUND
from harness import wait_for
from other_pages import OtherPage, Rebound
from raw_node import RawNode

TABLE = (pathlib.Path(__file__).parents[2] / "src/broker/http/routes.c").read_text()
ROUTES = re.findall(r'\{ "([A-Z]+)", "(/[^"]*)"', TABLE)
WRITES = [route for route in ROUTES if route[0] not in ("GET", "HEAD")]
READS = [path for method, path in ROUTES if method == "GET"]
BLOB = "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824"  # of "hello"
# What a try names in place of each *: a new endpoint that writes has to be added here, and to `changed`.
TRIED = {"/train": "/train", "/inference": "/inference", "/nodes/*": "/nodes/none", "/jobs/*": "/jobs/1",
         "/models/*": "/models/m", "/blobs/*": f"/blobs/{BLOB}?offset=0&size=5"}
TRAIN = '{"modelType":"resnet","modelName":"stolen"}'
BODIES = {"/train": TRAIN, "/inference": '{"imagePath":"./images/a.png","modelName":"m"}', "/blobs/*": "hello"}
# (method, address, body, how it is sent): the status, "opaque" or the error.
FETCH = """const [method, address, body, type, mode] = args;
    const headers = body === null ? {} : {'Content-Type': type};
    const answer = await fetch(address, {method, mode, headers, body: body === null ? undefined : body,
                                         signal: AbortSignal.timeout(15000)});
    return {status: answer.status, kind: answer.type, text: await answer.text()};"""
FORM = """const [address, enctype, name, value] = args;
    const frame = Object.assign(document.createElement('iframe'), {name: 'to' + Math.random()});
    const form = Object.assign(document.createElement('form'), {method: 'post', action: address, enctype});
    form.target = frame.name;
    const field = document.createElement('input');
    if (value === null) {
        const given = new DataTransfer();
        given.items.add(new File([Uint8Array.from([137, 80, 78, 71])], 'a.png', {type: 'image/png'}));
        Object.assign(field, {type: 'file', name}).files = given.files;
    } else
        Object.assign(field, {type: 'hidden', name, value});
    form.append(field);
    document.body.append(frame, form);
    const ended = new Promise((done) => frame.addEventListener('load', done));
    form.submit();
    await Promise.race([ended, new Promise((done) => setTimeout(done, 3000))]);
    return 'sent';"""
# A body of text/plain that is JSON: the '=' between name and value lies in a string.
JSON_FORM = ("text/plain", '{"modelType":"resnet","modelName":"stolen","modelName":"', '"}')


class Target:
    """A broker with a node that holds a model, and a job that runs."""

    def __init__(self, cluster, *options):
        (cluster.folder / "images").mkdir()
        (cluster.folder / "images/a.png").write_bytes(b"\x89PNG\r\n\x1a\n")
        cluster.start_broker(*options)
        self.cluster = cluster
        self.node = RawNode(cluster.port, "node0", models=["m"])
        wait_for("the model", lambda: cluster.get("/nodes")["nodes"][0]["models"] == ["m"])
        cluster.train(modelName="mine", node="node0")
        self.node.progress(self.node.expect("SERVER TRAIN"))
        cluster.wait_job(1, "running")
        self.before = self.state()

    def state(self):
        jobs = self.cluster.get("/jobs")["jobs"]
        blobs = sorted(path.name for path in (self.cluster.folder / "state/blobs").glob("**/*") if path.is_file())
        return {"jobs": [(job["id"], job["state"], job["modelName"]) for job in jobs],
                "models": [model["name"] for model in self.cluster.get("/models")["models"]],
                "nodes": self.cluster.node_names(), "blobs": blobs}

    def assert_nothing_changed(self):
        assert self.state() == self.before
        self.node.expect_nothing(0.5)  # no order: to end, to delete, to classify


def tries(address):
    """(what it is, arguments of FETCH) of each way by which a script may send, for each endpoint that writes."""
    for method, path in WRITES:
        body, target = BODIES.get(path), address + TRIED[path]
        for type_, mode in (("application/json", "cors"), ("text/plain", "cors"), ("text/plain", "no-cors")):
            yield f"{method} {path} as {type_}, {mode}", (method, target, body, type_, mode)
        yield f"POST {path} in place of {method}", ("POST", target, body or "{}", "text/plain", "no-cors")


@pytest.fixture
def foreign(browser):
    """A tab on a page of http://evil.test:PORT."""
    page = OtherPage()
    browser.hosts.add(FOREIGN)
    browser.allow(".")  # the browser tells of each refusal
    browser.origin = f"http://{FOREIGN}:{page.port}"
    browser.open(browser.origin + "/")
    yield browser
    page.stop()


@pytest.fixture
def rebound(browser, cluster):
    """Called when the broker runs: a tab on a page of http://rebound.test, whose name becomes the broker's address."""
    made = []

    def go():
        made.append(Rebound(cluster.api_port))
        browser.hosts.add(REBOUND)
        browser.allow(".")
        browser.open(f"http://{REBOUND}:{cluster.api_port}/")
        made[0].rebind()
        return browser

    yield go
    assert made[0].relayed
    made[0].stop()


def test_every_endpoint_that_writes_is_among_those_that_are_tried():
    assert len(WRITES) >= 6 and {path for _, path in WRITES} <= set(TRIED)


def test_a_page_of_another_origin_changes_nothing_by_fetch(foreign, cluster):
    target = Target(cluster)
    for what, arguments in tries(cluster.api):
        answer = foreign.run_async(FETCH, *arguments)
        assert "error" in answer or (answer["kind"], answer["text"]) == ("opaque", ""), (what, answer)
    # What it was told, the page does not see: so the same request beside the browser.
    for method, path in WRITES:
        body = BODIES.get(path)
        status, headers, text = cluster.request(method, TRIED[path], body and body.encode(),
                                                {"Origin": foreign.origin, "Content-Type": "text/plain"})
        assert status == 403, (method, path, status)
        assert "--allow-origin" in json.loads(text)["error"] and not headers["Access-Control-Allow-Origin"]
    target.assert_nothing_changed()


def test_a_page_of_another_origin_changes_nothing_by_form(foreign, cluster):
    target = Target(cluster)
    for _, path in WRITES:
        for form in (JSON_FORM, ("application/x-www-form-urlencoded", "modelType", "resnet"),
                     ("multipart/form-data", "modelType", "resnet")):
            assert foreign.run_async(FORM, cluster.api + TRIED[path], *form) == "sent"
    assert foreign.run_async(FORM, cluster.api + "/inference?model=m", "multipart/form-data", "image", None) == "sent"
    target.assert_nothing_changed()


def test_a_page_of_another_origin_reads_nothing(foreign, cluster):
    Target(cluster)
    for path in READS:
        address = cluster.api + path.replace("*", "m")
        assert "error" in foreign.run_async(FETCH, "GET", address, None, "", "cors"), path
        answer = foreign.run_async(FETCH, "GET", address, None, "", "no-cors") if "events" not in path else {"text": ""}
        assert answer.get("text", "") == "", (path, answer)
    told = foreign.run_async("""const stream = new EventSource(args[0]);
        return new Promise((done) => { stream.onopen = () => done('open'); stream.onerror = () => done('refused');
                                       stream.addEventListener('job', () => done('told')); });""",
                             cluster.api + "/events")
    assert told == "refused"
    framed = foreign.run_async("""const frame = document.createElement('iframe');
        frame.src = args[0]; document.body.append(frame);
        await new Promise((done) => frame.addEventListener('load', done));
        try { return frame.contentWindow.document.body.innerText; } catch (error) { return error.name; }""",
                               cluster.api + "/")
    assert framed == "SecurityError"


def test_a_name_that_is_rebound_to_the_broker_changes_and_reads_nothing(rebound, cluster):
    target = Target(cluster)
    browser = rebound()
    for method, path in [*WRITES, *(("GET", path) for path in READS)]:
        address, body = (path.replace("*", "m"), None) if method == "GET" else (TRIED[path], BODIES.get(path))
        answer = browser.run_async(FETCH, method, address, body, "application/json", "same-origin")
        assert answer.get("status") == 403, (method, path, answer)
        assert list(json.loads(answer["text"])) == ["error"] and "--public-name" in answer["text"]
    target.assert_nothing_changed()


def test_the_same_tries_are_taken_where_the_broker_is_told_so(rebound, cluster):
    target = Target(cluster, "--public-name", REBOUND)
    browser = rebound()
    for method, path in WRITES:
        browser.run("fetch(arguments[1], {method: arguments[0], body: arguments[2]})", method, TRIED[path],
                    BODIES.get(path))
    wait_for("the job", lambda: "stolen" in [job["modelName"] for job in cluster.get("/jobs")["jobs"]])
    wait_for("the blob", lambda: BLOB in target.state()["blobs"])
    orders = {target.node.messages.get(timeout=20)["type"] for _ in range(3)}
    assert orders == {"SERVER CANCEL", "SERVER REMOVE", "SERVER INFERENCE"}


def test_an_origin_that_is_allowed_trains_as_the_foreign_page_tried_to(foreign, cluster):
    Target(cluster, "--allow-origin", foreign.origin)
    foreign.run("fetch(arguments[0], {method: 'POST', mode: 'no-cors', body: arguments[1]})", cluster.api + "/train",
                TRAIN)
    wait_for("the job", lambda: "stolen" in [job["modelName"] for job in cluster.get("/jobs")["jobs"]])
