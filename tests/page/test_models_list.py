"""The list of models of a page that stays open: what comes and goes while one looks is there and gone as after loading
the page anew."""
import pytest
from harness import wait_for
from legacy import legacy_node
from raw_node import RawNode

OLD, NEW = "a" * 64, "b" * 64


@pytest.fixture
def page(browser, cluster):
    cluster.start_broker()
    browser.base = cluster.api
    browser.allow("/report - .* status of 404")  # these nodes write none
    return browser


def wait_versions(page, name, *wanted):
    """Until the page knows exactly these digests of that name, in this order; None: one without."""
    def known():
        return page.run_async("const { store } = await import('/page/store.js');"
                              "return (store.models.get(args[0])?.versions ?? []).map((one) => one.sha256 ?? null)",
                              name)
    wait_for(f"{wanted} of '{name}'", lambda: known() == list(wanted))
    return True


def tell(node, **models):
    info = [{"name": name, "sha256": sha256, "type": "resnet"} for name, sha256 in models.items()]
    node.send("NODE INFO", models=list(models), modelInfo=info, jobs=[])


def train(cluster, node, name, sha256):
    job = cluster.train(modelName=name, node=node.name)
    order = node.expect("SERVER TRAIN")
    node.complete(order, modelInfo=[{"name": name, "sha256": sha256, "type": "resnet"}])
    cluster.wait_job(job, "completed")
    return job


def test_what_a_legacy_node_has_comes_and_leaves_with_it(page, cluster):
    page.open("#/models")
    page.wait_text("There is none yet.")
    first, second = (legacy_node(cluster.port, name, ["m", "only-first"][:2 - i]) for i, name in enumerate("ab"))
    page.find("link", "only-first")
    page.find("link", "m")
    first.close()
    wait_for("it left", lambda: not page.has("link", "only-first"))
    assert page.has("link", "m")
    page.open("#/models")
    page.find("link", "m")
    assert not page.has("link", "only-first")
    second.close()
    page.wait_text("There is none yet.")


def test_a_legacy_node_s_model_stands_beside_one_that_was_trained(page, cluster):
    node = RawNode(cluster.port, "node0")
    train(cluster, node, "m", NEW)
    page.open("#/models")
    page.find("link", "m")
    old = legacy_node(cluster.port, "old", ["m"])
    wait_versions(page, "m", NEW, None)
    page.open("#/models")
    wait_versions(page, "m", NEW, None)
    old.close()
    wait_versions(page, "m", NEW)


def test_a_model_that_was_replaced_elsewhere_is_listed_while_its_node_is_there(page, cluster):
    old, new = RawNode(cluster.port, "node0"), RawNode(cluster.port, "node1")
    tell(old, m=OLD)
    page.open("#/models/m")
    wait_versions(page, "m", OLD)
    old.close()
    wait_for("it left", lambda: cluster.node_names() == ["node1"])
    train(cluster, new, "m", NEW)
    wait_versions(page, "m", NEW)
    old = RawNode(cluster.port, "node0", secret=old.secret)
    tell(old, m=OLD)
    wait_versions(page, "m", NEW, OLD)
    page.wait_text("There are different models of this name")
    page.open("#/models/m")
    wait_versions(page, "m", NEW, OLD)
    old.close()
    wait_versions(page, "m", NEW)


def test_when_a_model_was_made_is_told_of_one_whose_job_is_long_past(page, cluster):
    train(cluster, RawNode(cluster.port, "node0"), "m", NEW)
    page.open("#/models")
    page.find("link", "m")
    page.run_async("const { note, store } = await import('/page/store.js');"
                   "store.jobs.clear(); note('job', '1'); note('model', 'm');")
    page.settle()
    made = page.run("return document.querySelector('tbody time').dateTime")
    assert made and page.run("return Math.abs(Date.now() - Date.parse(arguments[0]))", made) < 600_000
