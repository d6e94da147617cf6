"""Types of networks: who offers which, what is refused, other names for one."""
import json

import legacy
import pytest
from harness import wait_for

FIRST = ["resnet", "mobilenet", "efficientnet"]  # of every node since the first


def refused(cluster, **wanted):
    """The status and reason of a training that is refused."""
    status, _, body = cluster.request("POST", "/train", {"epochs": 1, **wanted}, {"Prefer": "respond-async"})
    return status, json.loads(body)["error"]


def older_node(cluster, name, *features):
    """A dcls node that announces these features, on the wire alone."""
    node = legacy.connect(cluster.port)
    node.send({"type": "CLIENT CONNECT", "name": name, "protocol": 1, "version": "0.1",
               "features": ["train", "infer", "progress", "cancel", *features]})
    node.expect("SERVER ACK")
    node.send({"type": "NODE INFO", "name": name, "models": [], "modelInfo": [], "jobs": []})
    wait_for(name, lambda: name in cluster.node_names())
    return node


def test_a_type_that_no_node_offers_is_refused_with_what_they_offer(running):
    status, error = refused(running, modelType="alexnet")
    assert status == 409 and error.startswith("no node offers 'alexnet': they offer ")
    assert all(name in error for name in FIRST)
    done = running.client("train", "alexnet", check=False)
    assert done.returncode == 1 and not done.stdout and done.stderr == f"dcls: {error}\n"


def test_a_node_that_lacks_the_type_is_named_with_what_it_offers(running):
    node = older_node(running, "node1", "type:vit")
    assert refused(running, modelType="resnet", node="node1") == (409, "node 'node1' does not offer 'resnet': "
                                                                       "it offers vit")
    status, error = refused(running, modelType="vit", node="node0")
    assert status == 409 and "node 'node0' does not offer 'vit': it offers resnet" in error
    job = running.train(modelType="vit", imageSize=224)  # of a type that the client's program does not know
    wait_for("the reason", lambda: running.job(job)["reason"] == "waits for a node that offers 'imageSize'")
    node.close()


@pytest.mark.parametrize("alias,name", [("resnet18", "resnet"), ("mobilenet_v2", "mobilenet"),
                                        ("efficientnet_b0", "efficientnet")])
def test_torchvisions_name_of_a_network_is_another_name_for_it(cluster, alias, name):
    cluster.start_broker()
    node = legacy.legacy_node(cluster.port, "py0")
    job = json.loads(cluster.client("train", alias, "--epochs", "1", "--detach", "--json").stdout)["job"]
    assert node.expect("SERVER TRAIN")["modelType"] == name
    assert cluster.job(job)["modelName"] == f"{name}-1"
    node.close()


@pytest.mark.parametrize("make", [lambda cluster: legacy.legacy_node(cluster.port, "old"),
                                  lambda cluster: older_node(cluster, "old")], ids=["legacy", "dcls"])
def test_a_node_that_announces_no_types_counts_as_offering_the_first_three(cluster, make):
    cluster.start_broker()
    node = make(cluster)
    wait_for("the node", lambda: cluster.node_names() == ["old"])
    assert refused(cluster, modelType="vit") == (409, f"no node offers 'vit': they offer {', '.join(FIRST)}")
    assert refused(cluster, modelType="vit", node="old")[0] == 409
    cluster.client("train", "efficientnet", "--epochs", "1", "--detach")
    assert node.expect("SERVER TRAIN")["modelType"] == "efficientnet"
    node.close()


def test_while_no_node_has_come_any_type_waits_for_one_that_offers_it(cluster):
    cluster.start_broker()
    job = json.loads(cluster.client("train", "vit", "--detach", "--json").stdout)["job"]
    assert cluster.job(job)["reason"] == "waits for a node: none has connected yet"
    older_node(cluster, "node1").close()
    wait_for("the reason", lambda: cluster.job(job)["reason"] == "waits for a node that offers 'vit'")
    node = older_node(cluster, "node2", "type:vit")
    assert node.expect("SERVER TRAIN")["modelType"] == "vit"
    node.close()
