"""What is told of models: in the table of all, and at the address of each."""
import re

import pytest
from harness import wait_for
from raw_node import RawNode

import told


@pytest.fixture
def page(browser, cluster):
    cluster.start_broker()
    browser.base = cluster.api
    return browser


def figure(page, name):
    """One of the four figures at the head of the view."""
    return page.run("""const term = [...document.querySelectorAll('main dt')].find((one) => one.textContent ===
        arguments[0]); return term?.nextElementSibling.textContent ?? null""", name)


def accuracies(page):
    """(name, test accuracy) as the table has them, in its order."""
    return page.run("""return [...document.querySelectorAll('main tbody tr')].map((row) =>
        [row.cells[0].textContent, row.cells[2].textContent])""")


def test_the_accuracy_of_a_model_is_that_of_the_epoch_whose_weights_it_has(page, cluster):
    page.allow("/answers")  # this node keeps none
    node = RawNode(cluster.port, "node0")
    last = told.train(cluster, node, "last", [50, 74, 61])
    told.train(cluster, node, "best", [50, 68, 60], patience=2)
    page.open("#/models")
    page.click("button", "Test accuracy")
    wait_for("both, the better first", lambda: accuracies(page) == [["best", "68.0 %"], ["last", "61.0 %"]])
    for name, accuracy, best in (("last", "61.0 %", "2 of 3"), ("best", "68.0 %", "2 of 3")):
        page.open(f"#/models/{name}")
        wait_for("its accuracy", lambda: figure(page, "Test accuracy") == accuracy)
        assert figure(page, "Best epoch") == best
    page.open(f"#/jobs/{last}")
    page.wait_text("Best epoch")
    wait_for("the same of its job", lambda: figure(page, "Test accuracy") == "61.0 %")


def test_where_two_nodes_have_different_models_of_a_name_the_newest_job_has_its_report(page, cluster):
    page.allow("/answers")  # these nodes keep none
    nodes = [RawNode(cluster.port, f"node{i}") for i in range(2)]
    first, second = [told.train(cluster, node, "m", [50]) for node in nodes]
    assert [model["job"] for model in cluster.get("/models")["models"]] == [first, second]
    page.open(f"#/jobs/{second}")
    page.find("heading", "What was seen as what")
    page.wait_text("There are different models of this name")
    page.wait_text("node 'node1' keeps no answers")
    page.click("button", "1 photo of cow seen as duck")
    wait_for("the same of a cell", lambda: page.text().count("node 'node1' keeps no answers") == 2)
    page.open(f"#/jobs/{first}")
    page.wait_text("A later training made another model 'm'. Heat map and mistakes are those of job 2.")
    page.find("link", f"job {second}")


def test_that_a_model_is_gone_is_said_once(page, cluster):
    page.allow("/report - ")
    RawNode(cluster.port, "node0", models=["m"])
    page.open("#/models/m")
    page.find("heading", "Files")
    page.run_async("""
        const { note, store } = await import('/page/store.js');
        store.models.delete('m');
        note('model', 'm');""")
    page.wait_text("This model is not there any more.")
    assert page.run_async("""
        const { note, watch } = await import('/page/store.js');
        const said = document.querySelector('main .notice');
        const told = new Promise((resolve) => watch(['job'], resolve));
        note('job', '1');
        await told;
        return said.isConnected;""") is True


def test_an_answer_that_comes_late_leaves_the_next_view_alone(page, cluster):
    node = RawNode(cluster.port, "node0")
    told.train(cluster, node, "m", [50])
    node.close()  # which is not waited for
    page.open("#/models/m")
    page.click("button", "Delete")
    page.hold("DELETE")
    page.click("button", "Delete", page.find("dialog"))
    page.click("link", "Classify", page.find("navigation", "Places"))
    page.find("heading", "Classify")
    page.let_go()
    page.settle()
    page.find("heading", "Classify")
    page.find("button", "Choose photos")
    assert "is deleted" not in page.text()


def test_a_question_goes_with_the_view_that_asked_it(page, cluster):
    told.train(cluster, RawNode(cluster.port, "node0"), "m", [50])
    page.open("#/models")
    page.click("link", "m")
    page.click("button", "Delete")
    page.find("dialog", re.compile("Delete model 'm'"))
    page.driver.back()
    page.find("heading", "Models")
    wait_for("the end of the question", lambda: not page.has("dialog"))
    assert page.run("return document.querySelectorAll('dialog').length") == 0
    assert [model["name"] for model in cluster.get("/models")["models"]] == ["m"]
