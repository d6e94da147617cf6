"""What becomes of the page when things happen to what it shows: nodes that are killed, a broker that is started again,
addresses that are opened directly, and names that are markup."""
import json
import re
import socket

import legacy
import pytest
from harness import make_dataset, wait_for
from raw_node import FEATURES, RawNode

MARKUP = "<img src=x onerror=alert(1)>"


@pytest.fixture
def page(browser, cluster):
    make_dataset(cluster.folder / "images")
    cluster.start_broker()
    browser.base = cluster.api
    return browser


def shows(browser, node, word):
    """Whether the cluster's picture has that node with that word as its state: a link of its name tells it."""
    return any(re.search(rf"\b{word}\b", text["name"]["value"]) for text in
               browser.nodes("link", re.compile(rf"\b{node}\b")))


def test_a_killed_node_turns_grey_within_15_seconds_and_comes_back(page, cluster):
    cluster.start_node("node0")
    cluster.start_node("node1")
    page.open("#/")
    wait_for("both idle", lambda: shows(page, "node0", "idle") and shows(page, "node1", "idle"))
    cluster.nodes["node1"].kill()
    wait_for("node1 lost", lambda: shows(page, "node1", "lost"), 15)
    assert shows(page, "node0", "idle")
    page.picture("node-lost")
    cluster.start_node("node1")
    wait_for("node1 back", lambda: shows(page, "node1", "idle"))


def test_a_node_that_only_stops_answering_turns_grey_within_15_seconds(page, cluster):
    node = RawNode(cluster.port, "mute", features=[*FEATURES, "heartbeat"])
    page.open("#/")
    wait_for("it is there", lambda: shows(page, "mute", "idle"))
    node.answers_pings = False
    wait_for("it is lost", lambda: shows(page, "mute", "lost"), 15)


def test_the_command_that_starts_a_node_names_this_broker_wherever_it_stands(page):
    for address in ("#/", "#/train"):
        page.open(address)
        page.wait_text("dcls node --name node0 --host 127.0.0.1")


def test_how_often_a_training_was_started_is_told(page, cluster):
    node = RawNode(cluster.port, "node0")
    cluster.train(modelName="m", node="node0")
    node.expect("SERVER TRAIN")
    node.close()  # before it said a word of it: the training is given anew
    wait_for("the queue", lambda: cluster.job(1)["state"] == "queued")
    RawNode(cluster.port, "node0", secret=node.secret).expect("SERVER TRAIN")
    page.open("#/jobs/1")
    page.wait_text("started 2 times")


def test_of_a_node_that_left_unseen_no_time_is_told(page, cluster):
    page.allow("ERR_CONNECTION_REFUSED", "ERR_CONNECTION_RESET", "ERR_INCOMPLETE_CHUNKED_ENCODING",
               "ERR_EMPTY_RESPONSE")
    left, stays = [RawNode(cluster.port, name) for name in ("node0", "node1")]
    page.open("#/")
    wait_for("both", lambda: shows(page, "node0", "idle") and shows(page, "node1", "idle"))
    stays.close()
    wait_for("a loss that was seen", lambda: shows(page, "node1", "away since"))
    cluster.broker.kill()
    page.wait_text("No connection")
    left.close()
    cluster.start_broker()
    RawNode(cluster.port, "node1")
    wait_for("node1 back", lambda: shows(page, "node1", "idle"), 40)
    assert page.find("link", re.compile(r"\bnode0\b")).get_attribute("aria-label") == "node0, lost, away"


def test_one_of_many_nodes_keeps_the_focus_whatever_it_does(page, cluster):
    nodes = [RawNode(cluster.port, f"node{i:02}") for i in range(14)]
    page.open("#/")
    wait_for("the last", lambda: shows(page, "node13", "idle"))
    page.run("arguments[0].focus()", page.find("link", re.compile("node05")))
    cluster.train(modelName="m", node="node05")
    order = nodes[5].expect("SERVER TRAIN")
    nodes[5].progress(order)
    wait_for("it to train", lambda: shows(page, "node05", "training"))
    assert page.driver.switch_to.active_element.get_attribute("aria-label").startswith("node05, training")
    nodes[5].fail(order, "it would not")
    wait_for("it to be idle again", lambda: shows(page, "node05", "idle"))
    assert page.driver.switch_to.active_element.get_attribute("aria-label").startswith("node05, idle")


def test_there_are_no_photos_only_where_a_node_says_so(page, cluster):
    node = RawNode(cluster.port, "node0")
    page.open("#/")
    page.find("heading", "Train on the broker’s photos")
    page.find("link", "Train", page.find("region", "What to do next"))
    assert shows(page, "node0", "the broker’s photos")
    legacy.connect(cluster.port).send({"type": "CLIENT CONNECT", "name": "legacy0"})
    wait_for("its photos", lambda: shows(page, "legacy0", "the photos of legacy0"))
    node.send("NODE INFO", models=[], modelInfo=[], jobs=[], dataset={"images": 0, "classes": 0})
    wait_for("that it has none", lambda: shows(page, "node0", "no photos yet"))
    page.find("heading", "Train on the photos of legacy0")


def test_the_page_goes_on_by_itself_after_the_broker_was_started_again(page, cluster):
    cluster.start_node("node0")
    page.allow("ERR_CONNECTION_REFUSED", "ERR_CONNECTION_RESET", "ERR_INCOMPLETE_CHUNKED_ENCODING",
               "ERR_EMPTY_RESPONSE")
    page.open("#/")
    wait_for("node0", lambda: shows(page, "node0", "idle"))
    page.run("window.__same = true")
    cluster.broker.kill()
    page.wait_text("No connection", 15)
    cluster.start_broker()
    wait_for("it is live again", lambda: "No connection" not in page.text() and shows(page, "node0", "idle"), 40)
    cluster.train(modelName="later", node="node0", epochs=200)
    wait_for("what came after", lambda: shows(page, "node0", "training"))
    assert page.run("return window.__same"), "the page was loaded anew"


def test_every_address_opens_directly_and_the_back_button_leads_back(page, cluster):
    cluster.start_node("node0")
    cluster.wait_job(cluster.train(modelName="m", node="node0"))
    page.open("#/jobs/1")
    page.wait_text("m")
    assert page.run("return location.hash") == "#/jobs/1"
    for place in ("Train", "Models", "Classify", "Cluster"):
        page.click("link", place)
        page.find("heading", re.compile(place, re.IGNORECASE))
    page.click("link", "Models")
    page.click("link", "m")
    wait_for("the model", lambda: page.run("return location.hash") == "#/models/m")
    seen = []
    for _ in range(6):
        page.driver.back()
        seen.append(page.run("return location.hash"))
        page.settle()
    assert [one.split("?")[0] for one in seen] == ["#/models", "#/", "#/classify", "#/models", "#/train", "#/jobs/1"]
    page.wait_text("Best epoch")


@pytest.mark.parametrize("where", ["model", "node", "class", "error"])
def test_markup_in_what_nodes_tell_is_refused_or_text(page, cluster, where):
    page.allow("status of 404", "status of 40[09]")
    page.cdp("Page.addScriptToEvaluateOnNewDocument", source="window.alert = () => { window.__alerted = true; }")
    if where == "model":
        RawNode(cluster.port, "raw", models=[MARKUP, "fine"])
    elif where == "node":
        with socket.create_connection(("127.0.0.1", cluster.port), timeout=10) as wire:
            wire.sendall(json.dumps({"type": "CLIENT CONNECT", "name": MARKUP, "protocol": 1, "version": "1",
                                     "features": FEATURES, "instance": "0" * 16, "secret": "0" * 64}).encode() + b"\n")
            assert b"SERVER ACK" not in wire.recv(4096)
    elif where == "class":
        make_dataset(cluster.folder / "named")
        for split in ("train", "test"):
            (cluster.folder / "named" / split / "red").rename(cluster.folder / "named" / split / "<b>red<")
        cluster.start_node("node0", "--data-dir", cluster.folder / "named")
        cluster.wait_job(cluster.train(modelName="m", node="node0", epochs=3))
    else:
        node = RawNode(cluster.port, "raw")
        cluster.train(modelName="m", node="raw")
        node.fail(node.expect("SERVER TRAIN"), MARKUP)
        cluster.wait_job(1, "failed")
    for address in ("#/", "#/train", "#/jobs", "#/jobs/1", "#/models", "#/models/m", "#/classify",
                    f"#/models/{MARKUP}", f"#/nodes/{MARKUP}", f"#/jobs/{MARKUP}", "#/nodes/raw", "#/nodes/node0"):
        page.open(address)
        assert wait_for(f"the view of {address}", lambda: page.has("heading"))
        page.settle()
        assert page.run("return document.querySelectorAll('img[src=x], [onerror], main b').length") == 0, address
        assert page.run("return window.__alerted === undefined"), address
        if (where, address) == ("error", "#/jobs/1"):
            assert MARKUP in page.text()
        if (where, address) == ("class", "#/jobs/1"):
            page.wait_text("<b>red<")


def test_a_file_whose_name_is_markup_is_text(page, cluster):
    (cluster.folder / "images" / "test" / "red" / "0.png").rename(
        cluster.folder / "images" / "test" / "red" / f"{MARKUP}.png")
    cluster.start_node("node0")
    cluster.wait_job(cluster.train(modelName="m", node="node0"))
    photo = cluster.folder / f"{MARKUP}.png"
    photo.write_bytes((cluster.folder / "images/test/red/1.png").read_bytes())
    page.open("#/classify")
    page.find("heading", "Classify")
    page.drop(page.run("return document.body"), [photo])
    page.wait_text(MARKUP)
    assert page.run("return document.querySelectorAll('img[src=x], [onerror]').length") == 0


def test_a_field_s_error_stands_beside_it(page, cluster):
    cluster.start_node("node0")
    page.open("#/train")
    page.enter("textbox", "Epochs", "none")
    page.click("button", "Start training")
    field = page.find("textbox", "Epochs")
    assert field.get_attribute("aria-invalid") == "true"
    told_by = page.run("return arguments[0].getAttribute('aria-describedby').split(' ')"
                       ".map((id) => document.getElementById(id)?.innerText ?? '').join(' ')", field)
    assert re.search(r"epochs|number", told_by, re.IGNORECASE), told_by
    assert page.run("return document.activeElement === arguments[0]", field)
    assert cluster.get("/jobs")["jobs"] == []
