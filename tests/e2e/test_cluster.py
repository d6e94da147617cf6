"""Broker, nodes and client together: training, queueing, inference, cancel, and what survives a loss."""
import json
import os
import pathlib
import signal
import subprocess
import threading
import time

import pytest

from harness import make_dataset, wait_for, worker_of

LONG = {"epochs": 500}  # far more than any test waits for


def running_on(cluster, job, seconds=60):
    """Waits until the job's training has made a batch; returns the job."""
    return wait_for(f"job {job} trains", lambda: (lambda j: j if j["state"] == "running" and j["batch"] else None)(
        cluster.job(job)), seconds)


def test_train_then_infer_by_the_command_line(running):
    done = running.client("train", "resnet", "--epochs", "10", "--image-size", "32", "--batch-size", "4", "--seed",
                          "1", "--name", "colours", timeout=120)
    assert "Epoch [10/10]" in done.stdout + done.stderr
    photo = running.folder / "images/test/red/0.png"
    answers = json.loads(running.client("infer", photo, "images/test/blue/1.png", "--json").stdout)
    assert [a["predicted_class"] for a in answers] == ["red", "blue"], answers
    report = json.loads(running.client("report", "colours", "--json").stdout)
    matrix = report["confusion_matrix"]
    assert [scores["images"] for scores in report["per_class"]] == [sum(row) for row in matrix]
    right = sum(matrix[i][i] for i in range(len(matrix))) / sum(map(sum, matrix))
    assert abs(100 * right - report["results"][-1]["test_accuracy"]) < 0.01
    assert report["configuration"]["seed"] == 1 and report["images_per_second"] > 0
    assert "PRECISION" in running.client("report", "colours").stdout
    assert "red" in running.client("infer", photo, "--model", "colours", "--node", "node0", "--top", "1").stdout


def test_a_cancelled_training_is_resumed_where_it_was(cluster):
    make_dataset(cluster.folder / "images", train=16)
    cluster.start_broker()
    cluster.start_node("node0")
    cluster.start_node("node1")
    tail = cluster.train(modelName="m", epochs=400, node="node1", scheduler="cosine", noCheckpoint=False)
    wait_for("two epochs", lambda: len(cluster.job(tail)["results"]) >= 2, 60)
    assert cluster.client("cancel", tail).returncode == 0
    cancelled = cluster.wait_job(tail, "cancelled")
    done = len(cancelled["results"])
    resumed = json.loads(cluster.client("train", "resnet", "--resume", "m", "--epochs", done + 3, "--detach",
                                        "--json").stdout)["job"]
    job = cluster.wait_job(resumed, "completed", "failed")
    assert job["state"] == "completed" and job["nodes"] == ["node1"] and job["modelName"] == "m", job
    report = json.loads(cluster.client("report", "m", "--json").stdout)
    assert [result["epoch"] for result in report["results"]] == list(range(1, done + 4))
    assert report["results"][:done] == cancelled["results"]
    assert report["configuration"]["scheduler"] == "cosine"
    assert (cluster.folder / "node1/models/.checkpoints/m/best.safetensors").exists()

    again = cluster.client("train", "resnet", "--resume", "m", "--epochs", done + 3, check=False)
    assert again.returncode == 1 and f"'m' has been trained for {done + 3} epochs" in again.stderr
    unknown = cluster.client("train", "resnet", "--resume", "n", check=False)
    assert unknown.returncode == 1 and "there was no training of 'n' here to resume" in unknown.stderr
    mixed = cluster.client("train", "resnet", "--resume", "m", "--batch-size", 8, check=False)
    assert mixed.returncode == 2 and "'batch-size' cannot be given with a training to resume" in mixed.stderr
    cluster.client("rm", "m")
    assert not (cluster.folder / "node1/models/.checkpoints/m").exists()


def test_what_cancelled_trainings_left_is_removed(cluster):
    make_dataset(cluster.folder / "images")
    cluster.start_broker()
    left = {}
    for name in ("node0", "node1"):
        cluster.start_node(name)
        left[name] = cluster.folder / name / "models/.checkpoints/m"
        job = cluster.train(modelName="m", epochs=400, noCheckpoint=False, node=name)
        wait_for("an epoch", lambda: cluster.job(job)["results"], 60)
        refused = cluster.client("rm", "m", check=False)
        assert refused.returncode == 1 and "model 'm' is being trained" in refused.stderr
        cluster.client("cancel", job)
        cluster.wait_job(job, "cancelled")
        assert (left[name] / "last.safetensors").exists()
    cluster.nodes["node1"].stop()
    wait_for("node1 gone", lambda: cluster.node_names() == ["node0"])
    back = "node1: model 'm' will be deleted when the node is back\n"
    assert cluster.client("rm", "m").stdout == "node0: model 'm' is deleted\n" + back
    assert not left["node0"].exists()
    assert cluster.client("rm", "m").stdout == back

    cluster.start_node("node1")
    wait_for("no checkpoint", lambda: not left["node1"].exists())
    other = cluster.folder / "node1/models/photos"
    other.mkdir()
    job = cluster.train(modelName="photos", epochs=400, node="node1")
    running_on(cluster, job)
    cluster.client("cancel", job)
    cluster.wait_job(job, "cancelled")
    (other / "mine.txt").write_text("no model")
    cluster.client("rm", "photos")
    for name in ("m", "photos"):
        never = cluster.client("rm", name, check=False)
        assert never.returncode == 1 and f"model '{name}' not found" in never.stderr
    assert (other / "mine.txt").exists()


def test_the_last_layer_alone_trains_with_balanced_classes(running):
    running.client("train", "resnet", "--epochs", "2", "--image-size", "32", "--batch-size", "4", "--name", "frozen",
                   "--freeze", "--class-weights", "balanced", "--no-checkpoint", timeout=120)
    configuration = json.loads(running.client("report", "frozen", "--json").stdout)["configuration"]
    assert configuration["freeze"] is True and configuration["class_weights"] == "balanced"
    assert not (running.folder / "node0/models/.checkpoints").exists()


@pytest.mark.parametrize("network", ["resnet34", "resnet50", "mobilenet", "efficientnet"])
def test_the_other_networks_train_and_answer_too(running, network):
    running.client("train", network, "--epochs", "2", "--image-size", "32", "--batch-size", "4", "--name", network,
                   timeout=120)
    answer = json.loads(running.client("infer", "images/test/blue/1.png", "--model", network, "--json").stdout)[0]
    assert abs(sum(p for _, p in answer["output"]) - 1) < 1e-4


def test_three_nodes_train_three_models_at_once_and_a_fourth_job_waits_its_turn(cluster):
    make_dataset(cluster.folder / "images", train=16)
    cluster.start_broker()
    for name in ("node0", "node1", "node2"):
        cluster.start_node(name)
    jobs = [cluster.train(modelName=f"m{i}", **LONG) for i in range(3)]
    started = [running_on(cluster, job) for job in jobs]
    assert sorted(job["nodes"][0] for job in started) == ["node0", "node1", "node2"]
    fourth = cluster.train(modelName="m3", epochs=1)
    time.sleep(0.5)
    assert cluster.job(fourth)["state"] == "queued"
    listed = {job["id"]: job for job in json.loads(cluster.client("jobs", "--json").stdout)["jobs"]}
    assert all(listed[job]["state"] == "running" and listed[job]["batches"] > 0 for job in jobs)
    running_on(cluster, jobs[1])
    cluster.request("DELETE", f"/jobs/{jobs[1]}")
    assert cluster.wait_job(jobs[1])["state"] == "cancelled"
    assert cluster.wait_job(fourth)["state"] == "completed"
    assert cluster.job(jobs[0])["state"] == cluster.job(jobs[2])["state"] == "running"
    for job in (jobs[0], jobs[2]):
        cluster.client("cancel", job)
        assert cluster.wait_job(job)["state"] == "cancelled"


def test_inference_answers_while_training_runs(running):
    assert running.wait_job(running.train(modelName="first", epochs=10))["state"] == "completed"
    job = running.train(modelName="second", **LONG)
    running_on(running, job)
    for _ in range(5):
        done = running.client("infer", running.folder / "images/test/green/0.png", "--json")
        assert json.loads(done.stdout)[0]["predicted_class"] == "green"
    assert running.job(job)["state"] == "running"
    running.client("cancel", job)
    running.wait_job(job, "cancelled")


def test_a_worker_that_dies_fails_its_job_alone(running):
    job = running.train(modelName="m", **LONG)
    running_on(running, job)
    for pid in worker_of(running.nodes["node0"]):
        os.kill(pid, signal.SIGKILL)
    failed = running.wait_job(job)
    assert failed["state"] == "failed" and "SIGKILL" in failed["error"], failed
    assert running.nodes["node0"].alive()
    assert running.wait_job(running.train(modelName="m", epochs=1))["state"] == "completed"


def test_workers_die_with_their_node(running):
    job = running.train(modelName="m", **LONG)
    running_on(running, job)
    workers = worker_of(running.nodes["node0"])
    assert workers
    running.nodes["node0"].kill()
    wait_for("the workers' end", lambda: not any(os.path.exists(f"/proc/{pid}") for pid in workers))


def test_a_node_that_comes_back_without_its_job_fails_it(running):
    job = running.train(modelName="m", **LONG)
    running_on(running, job)
    running.nodes["node0"].kill()
    running.start_node("node0", wait=False)
    failed = running.wait_job(job)
    assert failed["state"] == "failed" and "node0" in failed["error"], failed


def test_a_training_goes_on_while_the_broker_is_away(running):
    job = running.train(modelName="m", epochs=12)
    running_on(running, job)
    running.broker.kill()
    time.sleep(1)
    running.start_broker()
    done = running.wait_job(job, seconds=120)
    assert done["state"] == "completed", done
    assert [result["epoch"] for result in done["results"]] == list(range(1, 13))
    assert running.get("/models")["models"][0]["name"] == "m"


def test_a_result_made_while_the_broker_was_away_is_delivered(running):
    job = running.train(modelName="m", epochs=3)
    running_on(running, job)
    running.broker.kill()
    wait_for("the model on disk", (running.folder / "node0/models/m/m.json").exists, 120)
    time.sleep(1)
    running.start_broker()
    assert running.wait_job(job)["state"] == "completed"
    wait_for("the outcome acknowledged", lambda: not list((running.folder / "node0/jobs").glob("*.json")))


def test_queued_jobs_and_results_survive_a_restart_of_the_broker(cluster):
    make_dataset(cluster.folder / "images")
    cluster.start_broker()
    job = cluster.train(modelName="later")
    cluster.broker.kill()
    cluster.start_broker()
    assert cluster.job(job)["state"] == "queued"
    cluster.start_node("node0")
    assert cluster.wait_job(job)["state"] == "completed"
    cluster.broker.kill()
    cluster.start_broker()
    assert cluster.job(job)["state"] == "completed" and len(cluster.job(job)["results"]) == 1


SLOW_DISK = """
#define _GNU_SOURCE
#include <dlfcn.h>
#include <unistd.h>
static int slowly(const char *name, int fd)
{
    int (*real)(int) = (int (*)(int))dlsym(RTLD_NEXT, name);
    usleep(300000);
    return real(fd);
}
int fsync(int fd) { return slowly("fsync", fd); }
int fdatasync(int fd) { return slowly("fdatasync", fd); }
"""


def test_an_end_is_shown_when_it_is_stored_and_not_before(cluster):
    make_dataset(cluster.folder / "images")
    (cluster.folder / "slow.c").write_text(SLOW_DISK)
    subprocess.run(["cc", "-shared", "-fPIC", "-o", "slow.so", "slow.c", "-ldl"], cwd=cluster.folder, check=True)
    cluster.start_broker(environment={"LD_PRELOAD": str(cluster.folder / "slow.so"),
                                      "ASAN_OPTIONS": "verify_asan_link_order=0"})
    job = cluster.train(modelName="cancelled")
    ends = threading.Thread(target=cluster.client, args=("cancel", job))
    ends.start()
    time.sleep(0.1)
    _, _, told = cluster.request("GET", f"/jobs/{job}/events")
    ends.join()
    assert b'"state":"cancelled"' in told.replace(b" ", b"")
    job = cluster.train(modelName="later")
    cluster.start_node("node0")
    ended = cluster.wait_job(job)
    cluster.broker.kill()
    cluster.start_broker()
    assert ended["state"] == "completed"
    stored = cluster.job(job)
    kept = ("state", "ended", "results")
    assert [stored[key] for key in kept] == [ended[key] for key in kept]


def test_a_node_fetches_the_dataset_it_lacks(cluster):
    make_dataset(cluster.folder / "photos")
    (cluster.folder / "elsewhere").mkdir()
    cluster.start_broker("--images", "photos")
    cluster.start_node("node0")
    assert cluster.wait_job(cluster.train(modelName="m"))["state"] == "completed"
    fetched = cluster.folder / "node0/images"
    assert sorted(p.relative_to(fetched).as_posix() for p in fetched.rglob("*.png")) == sorted(
        p.relative_to(cluster.folder / "photos").as_posix() for p in (cluster.folder / "photos").rglob("*.png"))


def test_two_live_nodes_of_one_name_are_told_apart(running, tmp_path_factory):
    other = tmp_path_factory.mktemp("other")
    from harness import Process
    second = Process(other, "twin", "node", "--name", "node0", "--port", running.port)
    wait_for("the refusal", lambda: "the name 'node0' belongs to another node" in second.text())
    assert running.node_names() == ["node0"]
    second.kill()
    assert running.wait_job(running.train(modelName="m"))["state"] == "completed"


def test_remove_takes_a_model_from_its_node(running):
    running.wait_job(running.train(modelName="m"))
    assert running.client("rm", "m").stdout == "node0: model 'm' is deleted\n"
    assert not (running.folder / "node0/models/m").exists()
    assert running.get("/models")["models"] == []
    assert running.client("infer", "images/test/red/0.png", "--model", "m", check=False).returncode == 1


def test_a_model_trained_again_is_replaced_and_served_anew(running):
    running.wait_job(running.train(modelName="m"))
    first = running.get("/models")["models"][0]["sha256"]
    running.client("infer", "images/test/red/0.png", "--model", "m")
    running.wait_job(running.train(modelName="m", epochs=2, seed=5))
    models = running.get("/models")["models"]
    assert len(models) == 1 and models[0]["sha256"] != first
    running.client("infer", "images/test/red/0.png", "--model", "m")
