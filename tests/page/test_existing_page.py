"""The existing front end is served from a port of its own, on this machine: what its scripts ask of the broker works
from there in a browser, preflights and all, and so do its pictures."""
import json

import pytest
from harness import make_dataset, wait_for
from other_pages import OtherPage

ASK = """const [method, address, body] = args;
    const answer = await fetch(address, body === null ? {} : {method, headers: {'Content-Type': 'application/json'},
                                                             body: JSON.stringify(body)});
    return [answer.status, await answer.json()];"""
SHOW = """const image = new Image();
    image.src = args[0];
    await image.decode();
    return [image.naturalWidth, image.naturalHeight];"""


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
def test_the_existing_page_s_requests_work_from_another_port_of_this_machine(browser, cluster, host):
    make_dataset(cluster.folder / "images", train=3, test=1)
    cluster.start_broker()
    cluster.start_node("node0")
    page = OtherPage()
    browser.hosts.add("localhost")
    browser.open(f"http://{host}:{page.port}/")
    api = f"http://{'localhost' if host == '127.0.0.1' else '127.0.0.1'}:{cluster.api_port}"

    def ask(method, path, body=None):
        return browser.run_async(ASK, method, api + path, body)

    assert ask("GET", "/nodes")[1]["nodes"][0]["name"] == "node0"
    images = ask("GET", "/images")[1]["images"]
    assert "./images/test/red/0.png" in images
    assert browser.run_async(SHOW, api + "/image?imagePath=./images/test/red/0.png") == [32, 32]
    # A number that a person has edited is a text.
    status, done = ask("POST", "/train", {"node": "node0", "modelName": "m1", "modelType": "resnet", "epochs": "1",
                                          "batchSize": 16, "learningRate": "0.01"})
    assert status == 200 and done["output_contents"].startswith("Epoch [1/1], Train Loss: "), done
    wait_for("the model", lambda: ask("GET", "/nodes")[1]["nodes"][0]["models"] == ["m1"])
    status, report = ask("GET", "/get_json?node=node0&json=m1")
    assert status == 200 and len(report["results"]) == 1
    status, answer = ask("POST", "/inference", {"node": "node0", "imagePath": "./images/test/red/0.png",
                                                "modelName": "m1"})
    assert status == 200 and answer["predicted_class"] == answer["output"][0][0]
    page.stop()


def test_the_existing_page_is_told_errors_as_json(browser, cluster):
    cluster.start_broker()
    page = OtherPage()
    browser.allow("status of 40[04]")
    browser.open(f"http://127.0.0.1:{page.port}/")
    told = browser.run_async(ASK, "POST", cluster.api + "/train",
                             {"node": "none", "modelName": "m1", "modelType": "resnet", "epochs": 1})
    assert told == [404, {"error": "Node 'none' not found"}], json.dumps(told)
    page.stop()
