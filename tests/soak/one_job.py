#!/usr/bin/python3
"""One training, one that is cancelled, and inferences, through a broker and a node that something watches:

one_job.py valgrind          both under memcheck, workers not
one_job.py thread-sanitizer  DCLS is a program built with -fsanitize=thread, which workers are too

Ends with 1 and what was found where something was found, or where they did not do what they should.
"""
import json
import os
import pathlib
import sys
import tempfile
import threading
import urllib.request

HERE = pathlib.Path(__file__).parent
sys.path.insert(0, str(HERE.parent / "e2e"))
import harness  # noqa: E402
from harness import Cluster, make_dataset, wait_for  # noqa: E402

SELF_EXE = pathlib.Path(os.environ.get("DCLS_BUILD") or HERE.parents[1] / "build") / "tests/shim/self_exe.so"
SECONDS = 120  # for a job: what is watched is tens of times slower


def watched(way, folder):
    """(what stands before the program, the environment): findings are left in files of `folder`."""
    if way == "valgrind":
        return ("valgrind", "-q", "--error-exitcode=9", "--leak-check=full", "--errors-for-leak-kinds=definite",
                "--show-leak-kinds=definite", "--num-callers=30", f"--log-file={folder}/found.%p"), {
                    "LD_PRELOAD": str(SELF_EXE), "DCLS": harness.DCLS}
    return (), {"TSAN_OPTIONS": f"log_path={folder}/found exitcode=9 history_size=4", "OMP_NUM_THREADS": "1"}


def listen(cluster, seen):
    """Follows all events until the broker ends."""
    try:
        with urllib.request.urlopen(cluster.api + "/events", timeout=SECONDS) as stream:
            seen += iter(stream.readline, b"")
    except OSError:
        pass


def use(cluster, image):
    """What clients do with it."""
    job = cluster.wait_job(cluster.train(modelName="first", epochs=2), seconds=SECONDS)
    assert job["state"] == "completed", job
    for body, headers in ((image, {"Content-Type": "image/png"}),
                          ({"modelName": "first", "imagePath": "images/test/red/0.png"}, {})):
        status, _, answer = cluster.request("POST", "/inference?model=first", body, headers, timeout=SECONDS)
        assert status == 200 and json.loads(answer)["predicted_class"], (status, answer)
    long = cluster.train(modelName="second", epochs=1000)
    cluster.wait_job(long, "running", seconds=SECONDS)
    wait_for("its first batches", lambda: cluster.job(long).get("epoch"), SECONDS)
    waiting = cluster.train(modelName="third")
    for which in waiting, long:
        status, _, answer = cluster.request("DELETE", f"/jobs/{which}", timeout=SECONDS)
        assert status in (200, 202), (status, answer)
        assert cluster.wait_job(which, seconds=SECONDS)["state"] == "cancelled"
    for path in ("/nodes", "/images", "/models", "/jobs", "/healthz", "/dataset", "/get_json?node=node0&json=first"):
        cluster.get(path)
    assert cluster.request("GET", "/models/first/first.pth", timeout=SECONDS)[0] == 200
    assert cluster.request("DELETE", "/models/first", timeout=SECONDS)[0] == 200


def main():
    if sys.argv[1:] not in (["valgrind"], ["thread-sanitizer"]):
        sys.exit(__doc__)
    if sys.argv[1] != "valgrind" and b"__tsan_init" not in pathlib.Path(harness.DCLS).read_bytes():
        sys.exit(f"'{harness.DCLS}' is not built with -fsanitize=thread")
    harness.PATIENCE = 4
    with tempfile.TemporaryDirectory(prefix="dcls-one-job-") as folder:
        folder, seen, failure = pathlib.Path(folder), [], None
        within, environment = watched(sys.argv[1], folder)
        images, cluster = make_dataset(folder / "images"), Cluster(folder)
        try:
            cluster.start_broker(environment=environment, within=within)
            threading.Thread(target=listen, args=(cluster, seen), daemon=True).start()
            cluster.start_node("node0", environment=environment, within=within)
            use(cluster, (images / "test/red/0.png").read_bytes())
            wait_for("events of it", lambda: any(b"cancelled" in line for line in seen))
        except AssertionError as error:
            failure = f"{error}\n" + "".join(path.read_text()[-3000:] for path in folder.glob("*.log"))
        try:
            cluster.stop()
        except AssertionError as error:
            failure = failure or str(error)
        found = [path.read_text() for path in sorted(folder.glob("found.*"))]
        if sys.argv[1] == "valgrind" and len(found) < 2:  # it makes a file a process, be it empty
            failure = f"memcheck watched {len(found)} processes, and not the broker and the node"
        found = [text for text in found if text.strip()]
    print("\n".join(found + ([failure] if failure else [])) or f"{sys.argv[1]}: nothing found")
    return 1 if found or failure else 0


if __name__ == "__main__":
    sys.exit(main())
