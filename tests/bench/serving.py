#!/usr/bin/python3
"""Prints the peak resident memory, in bytes, of the worker that serves a ResNet-18 at 224x224: a real broker and node,
which train one on a few images first. DCLS names the program."""
import pathlib
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).parents[1] / "e2e"))
from harness import Cluster, make_dataset, peak_of_worker  # noqa: E402


def main():
    with tempfile.TemporaryDirectory() as folder:
        cluster = Cluster(folder)
        images = make_dataset(pathlib.Path(folder) / "images", train=2, test=1)
        try:
            cluster.start_broker()
            cluster.start_node("node0")
            job = cluster.wait_job(cluster.train(modelName="served", imageSize=224, batchSize=2))
            assert job["state"] == "completed", job
            for _ in range(3):
                cluster.client("infer", images / "test/red/0.png", "--model", "served")
            print(peak_of_worker(cluster.nodes["node0"]))
        finally:
            cluster.stop()


if __name__ == "__main__":
    main()
