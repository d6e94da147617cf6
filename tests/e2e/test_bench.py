"""dcls bench as a person runs it."""
import json
import subprocess

import pytest
from harness import DCLS, PATIENCE, peak_of_worker

SMALL = ["--image-size", "33", "--batch-size", "2", "--classes", "3", "--steps", "3", "--threads", "1"]


def bench(*arguments):
    return subprocess.run([DCLS, "bench", *arguments], stdin=subprocess.DEVNULL, capture_output=True, text=True,
                          timeout=60 * PATIENCE)


@pytest.mark.parametrize("mode", ["train", "infer"])
def test_json_holds_the_figures_and_they_fit_together(mode):
    done = bench(mode, "resnet", "--json", *SMALL)
    assert done.returncode == 0 and not done.stderr, done
    found = json.loads(done.stdout)
    told = {"mode": mode, "type": "resnet", "backend": "onednn", "threads": 1, "batch": 2, "image_size": 33,
            "classes": 3, "steps": 3}
    assert {key: found[key] for key in told} == told
    assert 0 < found["min_s"] <= found["median_s"] < 10 * PATIENCE
    assert found["images_per_second"] == pytest.approx(2 / found["median_s"])
    weights = 4 * 11_000_000
    assert (4 if mode == "train" else 1) * weights < found["peak_bytes"] < 20 * weights * PATIENCE


def test_a_person_reads_the_same_in_two_lines():
    lines = bench("infer", "resnet", "--backend", "reference", *SMALL).stdout.splitlines()
    assert len(lines) == 2 and "reference" in lines[0] and "images/s" in lines[1] and "peak memory" in lines[1]


def test_verbose_tells_what_each_operation_takes():
    lines = bench("train", "resnet", "--verbose", *SMALL).stdout.splitlines()
    table = [line for line in lines if line.startswith("layer")]
    assert len([line for line in table if ".conv1 " in line and " fwd " in line and "%" in line]) == 8
    assert lines[-1].split()[0] == "step" and lines[-1].endswith("100.0%")
    found = json.loads(bench("infer", "resnet", "--verbose", "--json", *SMALL).stdout)
    assert 0 < sum(op["forward"]["seconds"] for op in found["layers"]) < 3 * found["median_s"] * PATIENCE
    assert found["peak_flops"] > 1e9 and found["isa"]


def test_an_unknown_type_lists_the_types():
    done = bench("train", "alexnet")
    assert done.returncode == 2 and "'alexnet'" in done.stderr and "resnet" in done.stderr


def test_what_no_network_takes_is_one_line():
    done = bench("train", "resnet", "--batch-size", "65536", "--image-size", "8192")
    assert done.returncode == 1 and len(done.stderr.splitlines()) == 1 and "8192" in done.stderr


def test_serving_a_resnet_18_takes_at_most_150_megabytes(running):
    job = running.wait_job(running.train(modelName="served", imageSize=224, batchSize=2))
    assert job["state"] == "completed", job
    for colour in ("red", "green"):
        running.client("infer", running.folder / f"images/test/{colour}/0.png", "--model", "served")
    peak = peak_of_worker(running.nodes["node0"])
    weights = 4 * 11_000_000
    # A sanitizer's shadow and red zones are not the program's.
    assert weights < peak and (PATIENCE > 1 or peak <= 150e6), peak
