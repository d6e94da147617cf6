"""The form of a training: what it sends, the command line that does the same, and what is said beside a field. No node
is connected, so that each training stays in the queue."""
import json
import urllib.request

import pytest
from harness import wait_for
from raw_node import FEATURES, RawNode

# What the broker refuses a training with, and the field of the form that it is about.
REFUSALS = {
    "'batchSize' is '0': it must be a whole number from 1 to 4096": "batchSize",
    "'--batch-size' is 'x': it must be a whole number from 1 to 4096": "batchSize",
    "'batch-size' cannot be given with a training to resume, which goes on as it was begun": "batchSize",
    "node 'node0' does not offer 'augment'": "augment",
    "node 'node0' does not offer 'vgg': it offers resnet": "modelType",
    "no node offers 'vgg': they offer resnet": "modelType",
    "Node 'node9' not found": "node",
    "model 'epochs' is being trained already": "modelName",
    "modelName 'a b' is no name: letters, digits and . _ - (at most 64)": "modelName",
    "'weights' 'x' is none of 'imagenet', 'none' and 'sha256:HEX' of an uploaded blob": "weights",
    "the weights 'sha256:00' are no blob here: upload them first": "weights",
    "there was no training of 'm' here to resume: 'node' must say where there was": "resume",
    "100 jobs wait already": "",
}


@pytest.fixture
def page(browser, cluster):
    cluster.start_broker()
    browser.base = f"http://127.0.0.1:{cluster.api_port}"
    return browser


def jobs(page):
    with urllib.request.urlopen(f"{page.base}/jobs") as answer:
        return json.load(answer)["jobs"]


def more(page):
    page.find("button", "Start training")  # the form is there
    page.run("document.querySelector('main details').open = true")


def command(page):
    return page.find("code").text


def test_the_sentence_is_the_training_and_its_command_line(page):
    page.open("#/train")
    more(page)
    page.enter("textbox", "Epochs", "3")
    page.enter("textbox", "Name", "cows")
    page.enter("textbox", "Image size", "32")
    page.choose("Optimizer", "sgd")
    page.click("checkbox", "Freeze")
    assert command(page) == (f"dcls client train resnet --api {page.base} --name cows --epochs 3 --optimizer sgd "
                             "--freeze --image-size 32")
    page.click("button", "Start training")
    page.wait_text("waits for a node: none has connected yet")
    assert page.driver.current_url.endswith("#/jobs/1")
    [job] = jobs(page)
    assert (job["modelName"], job["modelType"], job["epochs"]) == ("cows", "resnet", 3)


def test_a_value_out_of_its_bounds_is_told_beside_its_field_and_not_sent(page):
    page.open("#/train")
    more(page)
    field = page.enter("textbox", "Batch size", "0")
    page.enter("textbox", "Epochs", "1.5")
    page.click("button", "Start training")
    page.wait_text("it must be a whole number from 1 to 4,096")
    page.wait_text("it must be a whole number from 1 to 100,000")
    assert field.get_attribute("aria-invalid") == "true"
    page.enter("textbox", "Batch size", "8")
    assert field.get_attribute("aria-invalid") is None
    assert jobs(page) == []


def test_a_refusal_of_the_brokers_is_told_beside_its_field(page):
    page.allow("409", "400")
    page.open("#/train?name=cows")
    page.click("button", "Start training")
    page.wait_text("waits for a node")
    page.open("#/train?name=cows")
    name = page.find("textbox", "Name")
    page.wait_text("'cows' is being trained now, by job 1.")
    page.click("button", "Start training")
    page.wait_text("model 'cows' is being trained already")
    assert name.get_attribute("aria-invalid") == "true" and page.driver.switch_to.active_element == name
    page.open("#/train?name=other&resume=cows&batchSize=8")
    page.click("button", "Start training")
    page.wait_text("'batch-size' cannot be given with a training to resume")
    assert len(jobs(page)) == 1


def test_each_refusal_is_about_its_field(page):
    page.open("#/train")
    found = page.run_async("""
        const { fieldOf } = await import('/page/train_request.js');
        const { options } = await (await fetch('options')).json();
        return args[0].map((message) => fieldOf(message, options));""", list(REFUSALS))
    assert dict(zip(REFUSALS, found)) == REFUSALS


def test_what_was_typed_is_there_after_a_look_elsewhere(page):
    page.open("#/train")
    page.find("button", "Start training")
    page.enter("textbox", "Name", "cows")
    page.click("link", "Models")
    wait_for("another view", lambda: not page.has("button", "Start training"))
    page.click("link", "Train")
    assert page.find("textbox", "Name").get_attribute("value") == "cows"


def network(page):
    return page.run("return arguments[0].selectedOptions[0].text", page.find("combobox", "Network"))


def test_the_network_that_was_chosen_stays_while_no_node_trains_it(page, cluster):
    page.allow("/nodes/node./dataset - ")  # they have none
    page.open("#/train?type=mobilenet&name=cows")
    page.find("button", "Start training")
    assert network(page) == "MobileNetV2 (no node trains it now)"
    node = RawNode(cluster.port, "node0")  # which trains ResNet-18 alone
    page.choose("Node", "node0")
    assert network(page) == "MobileNetV2 (no node trains it now)"
    other = RawNode(cluster.port, "node1", features=[*FEATURES, "type:mobilenet"])
    wait_for("a node that does", lambda: network(page) == "MobileNetV2")
    other.close()
    wait_for("that it is gone", lambda: network(page) == "MobileNetV2 (no node trains it now)")
    page.choose("Network", "ResNet-18")
    page.choose("Node", "any free node")
    page.click("button", "Start training")
    assert node.expect("SERVER TRAIN")["modelType"] == "resnet"


def test_what_happens_elsewhere_leaves_the_form_alone(page, cluster):
    page.allow("/nodes/node0/dataset - ")  # it has none
    node = RawNode(cluster.port, "node0", models=["m"])
    page.open("#/train?name=cows&epochs=7")
    more(page)
    page.run("""const code = document.querySelector('main code'), list = document.querySelector('#option-resume-list');
        getSelection().selectAllChildren(code);
        window.__made = 0;
        new MutationObserver((all) => { window.__made += all.length; }).observe(document.querySelector('main form'),
            {subtree: true, childList: true});
        window.__options = list.options.length;""")
    cluster.train(modelName="other", node="node0", epochs=30)
    order = node.expect("SERVER TRAIN")
    for epoch in range(1, 10):
        node.progress(order, epoch=epoch, batch=3)
        page.wait_text(f"epoch {epoch}/30")
    made = page.run("return window.__made")
    assert page.run("return getSelection().toString()").startswith("dcls client train resnet")
    assert page.run("return [window.__options, document.querySelector('#option-resume-list').options.length]") == [1, 1]
    node.progress(order, epoch=10, batch=3)
    page.wait_text("epoch 10/30")
    assert page.run("return window.__made") == made


def test_who_went_elsewhere_while_a_training_was_asked_for_stays_there(page):
    page.open("#/train?name=cows")
    page.find("button", "Start training")
    page.hold("POST")
    page.click("button", "Start training")
    page.click("link", "Models")
    page.find("heading", "Models")
    page.let_go()
    page.settle()
    assert page.run("return location.hash") == "#/models" and len(jobs(page)) == 1
    page.click("link", "Train")
    page.find("button", "Start training")
    assert page.find("textbox", "Name").get_attribute("value") == ""


def test_a_queued_job_is_cancelled_after_a_question(page):
    page.open("#/train?name=cows")
    page.click("button", "Start training")
    page.click("button", "Cancel training")
    page.wait_text("Job 1 leaves the queue.")
    dialog = page.find("dialog")
    page.click("button", "Keep", within=dialog)
    assert jobs(page)[0]["state"] == "queued"
    page.click("button", "Cancel training")
    page.click("button", "Cancel training", within=page.find("dialog"))
    page.wait_text("Cancelled before it began. No model came of it.")
    assert jobs(page)[0]["state"] == "cancelled"
    page.find("link", "Train again").click()
    assert page.find("textbox", "Name").get_attribute("value") == "cows"
