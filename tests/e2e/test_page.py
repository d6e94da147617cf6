"""The existing page, as its browser speaks: preflights, the headers that come along, and fields that a person has
edited, each of which is then a text."""
import http.client
import json
import threading
import urllib.parse

import legacy
import pytest
from harness import PATIENCE, make_dataset, wait_for

FIELDS = {"epochs": 2, "batchSize": 16, "learningRate": 0.01}
DATA = {"model_path": "models/m1/m1.pth", "report_path": "models/m1/m1.json", "output_file": "models/m1/m1.txt",
        "output_contents": "Epoch [1/1], Train Loss: 1.0, Train Accuracy: 50.00%\n"}
IS_NONE = ["", " ", "abc", "2x", "0x2", "nan", "Infinity", "1e999", "-1"]


class Page:
    """The page at its own port, in a browser on this machine, on one connection that is kept."""
    ORIGIN = "http://localhost:3000"
    ALWAYS = {"User-Agent": "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0",
              "Accept-Language": "de,en-US;q=0.7,en;q=0.3", "Accept-Encoding": "gzip, deflate, br, zstd",
              "Referer": ORIGIN + "/", "Connection": "keep-alive", "Sec-Fetch-Site": "same-site"}

    def __init__(self, api_port):
        self.authority = f"localhost:{api_port}"
        self.connection = http.client.HTTPConnection("127.0.0.1", api_port, timeout=150 * PATIENCE)

    def send(self, method, path, body=None, **headers):
        self.connection.request(method, path, body, {
            "Host": self.authority, **self.ALWAYS, **{name.replace("_", "-"): text for name, text in headers.items()}})
        answer = self.connection.getresponse()
        return answer.status, answer.headers, answer.read()

    def fetch(self, method, path, body=None):
        """What a script of the page gets: (status, JSON). A browser hides what does not allow the page's origin, and
        asks first whether it may send JSON."""
        headers = {"Accept": "application/json, text/plain, */*", "Origin": self.ORIGIN, "Sec_Fetch_Mode": "cors",
                   "Sec_Fetch_Dest": "empty"}
        if body is not None:
            status, allowed, _ = self.send("OPTIONS", path, Access_Control_Request_Method=method,
                                           Access_Control_Request_Headers="content-type", Accept="*/*",
                                           Origin=self.ORIGIN, Sec_Fetch_Mode="cors", Sec_Fetch_Dest="empty")
            assert status in (200, 204) and allowed["Access-Control-Allow-Origin"] in ("*", self.ORIGIN)
            assert method in allowed["Access-Control-Allow-Methods"].replace(" ", "").split(",")
            assert "content-type" in allowed["Access-Control-Allow-Headers"].lower()
            headers["Content_Type"] = "application/json"
            body = json.dumps(body, separators=(",", ":")).encode()
        status, allowed, content = self.send(method, path, body, **headers)
        assert allowed["Access-Control-Allow-Origin"] in ("*", self.ORIGIN)
        assert allowed["Content-Type"].startswith("application/json")
        return status, json.loads(content)

    def image(self, path):
        """An <img>: no script, so no Origin, and nothing is hidden."""
        return self.send("GET", "/image?imagePath=" + urllib.parse.quote(path, safe=""),
                         Accept="image/avif,image/webp,*/*", Sec_Fetch_Mode="no-cors", Sec_Fetch_Dest="image")


def form(node, edited, **values):
    """What the page sends of its form: numbers as it has them, texts of the fields that a person has been at."""
    fields = {**FIELDS, **values}
    return {"node": node, "modelName": "m1", "modelType": "resnet",
            **{name: str(value) if name in edited else value for name, value in fields.items()}}


@pytest.fixture
def page(cluster):
    make_dataset(cluster.folder / "images", train=3, test=1)
    cluster.start_broker()
    return Page(cluster.api_port)


def test_the_page_trains_and_classifies_with_edited_fields_on_a_dcls_node(page, cluster):
    cluster.start_node("node0")
    status, listed = page.fetch("GET", "/nodes")
    assert status == 200 and [(node["name"], node["models"]) for node in listed["nodes"]] == [("node0", [])]
    images = page.fetch("GET", "/images")[1]["images"]
    assert "./images/test/red/0.png" in images
    status, headers, content = page.image("./images/test/red/0.png")
    assert (status, headers["Content-Type"]) == (200, "image/png")
    assert content == (cluster.folder / "images/test/red/0.png").read_bytes()

    status, done = page.fetch("POST", "/train", form("node0", FIELDS))
    assert status == 200, done
    assert list(done) == list(DATA)
    assert {name: done[name] for name in done if name != "output_contents"} == \
        {name: DATA[name] for name in DATA if name != "output_contents"}
    lines = done["output_contents"].splitlines()
    assert lines[0].startswith("Epoch [1/2], Train Loss: ") and lines[1].startswith("Epoch [2/2], Train Loss: ")
    wait_for("the model", lambda: page.fetch("GET", "/nodes")[1]["nodes"][0]["models"] == ["m1"])

    status, report = page.fetch("GET", "/get_json?node=node0&json=m1")
    assert status == 200 and len(report["results"]) == 2
    arguments = {name: report["arguments"][name] for name in ("epochs", "batch_size", "learning_rate")}
    assert arguments == {"epochs": 2, "batch_size": 16, "learning_rate": 0.01}
    status, answer = page.fetch("POST", "/inference", {"node": "node0", "imagePath": "./images/test/red/0.png",
                                                       "modelName": "m1"})
    assert status == 200 and answer["predicted_class"] == answer["output"][0][0]
    assert sorted(name for name, _ in answer["output"]) == ["blue", "green", "red"]


@pytest.mark.parametrize("edited", [[], ["epochs"], ["batchSize"], ["learningRate"], list(FIELDS)],
                         ids=lambda edited: "+".join(edited) or "none")
def test_a_legacy_node_is_sent_numbers_whatever_was_edited(page, cluster, edited):
    node = legacy.legacy_node(cluster.port, "py0")
    wait_for("py0", lambda: page.fetch("GET", "/nodes")[1] == {"nodes": [{"name": "py0", "models": []}]})
    answers = []
    thread = threading.Thread(target=lambda: answers.append(page.fetch("POST", "/train", form("py0", edited))))
    thread.start()
    wanted = node.expect("SERVER TRAIN")
    sent = {name: wanted[name] for name in FIELDS}
    assert sent == FIELDS and [type(value) for value in sent.values()] == [int, int, float]
    node.send({"type": "TRAINING_COMPLETED", "name": "py0", "train_key": wanted["train_key"], "model_name": "m1",
               "data": DATA})
    node.send({"type": "NEW MODEL ADDED", "name": "py0", "new_model": "m1", "models": ["m1"]})
    thread.join(30 * PATIENCE)
    assert answers == [(200, DATA)]


@pytest.mark.parametrize("field", FIELDS)
def test_a_field_that_holds_no_number_is_refused_by_its_name(page, cluster, field):
    legacy.legacy_node(cluster.port, "py0")
    wait_for("py0", lambda: cluster.node_names() == ["py0"])
    for text in [*IS_NONE, *([] if field == "learningRate" else ["2.5", "0"])]:
        status, answer = page.fetch("POST", "/train", form("py0", [field], **{field: text}))
        assert status == 400 and list(answer) == ["error"], (text, answer)
        assert answer["error"].startswith(f"'{field}' is ") and "number from" in answer["error"]
        assert "\n" not in answer["error"]


def test_texts_are_numbers_in_the_page_s_own_fields_alone(page, cluster):
    legacy.legacy_node(cluster.port, "py0")
    wait_for("py0", lambda: cluster.node_names() == ["py0"])
    status, answer = page.fetch("POST", "/train", {**form("py0", []), "imageSize": "64"})
    assert (status, answer) == (400, {"error": "'imageSize' must be a number"})


def test_what_the_page_is_told_where_something_lacks(page, cluster):
    assert page.fetch("POST", "/train", form("none", FIELDS)) == (404, {"error": "Node 'none' not found"})
    assert page.fetch("GET", "/get_json?node=none") == (400, {"error": "Missing 'node' or 'json' parameter"})
    status, _, content = page.image("./images/none.png")
    assert (status, json.loads(content)) == (404, {"error": "Image not found"})
