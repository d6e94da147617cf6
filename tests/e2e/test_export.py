"""`dcls client export`: the files it writes hold the model's numbers, and failures leave none behind."""
import collections
import concurrent.futures
import json
import os
import signal
import struct
import zipfile

import pytest
from call_faults import CallFaults
from harness import make_dataset, wait_for, worker_of
from test_helper import Helper


def pth_numbers(path):
    """The bytes of each tensor in the archive's order, which is the network's."""
    with zipfile.ZipFile(path) as archive:
        names = [name for name in archive.namelist() if "/data/" in name]
        return [archive.read(name) for name in names]


def safetensors(path):
    """({name: (type, shape, bytes)}, in the order of the header, and its metadata)."""
    data = path.read_bytes()
    size = struct.unpack("<Q", data[:8])[0]
    header = json.loads(data[8:8 + size])
    metadata = header.pop("__metadata__")
    found, end = collections.OrderedDict(), 0
    for name, entry in header.items():
        begin, stop = entry["data_offsets"]
        assert begin == end
        end = stop
        found[name] = entry["dtype"], entry["shape"], data[8 + size + begin:8 + size + stop]
    assert 8 + size + end == len(data)
    return found, metadata


def fields(message):
    """[(number, value)] of a message in Protocol Buffers' wire format."""
    def varint(at):
        value = shift = 0
        while True:
            value |= (message[at] & 127) << shift
            shift += 7
            at += 1
            if message[at - 1] < 128:
                return value, at

    found, at = [], 0
    while at < len(message):
        tag, at = varint(at)
        if tag & 7 == 0:
            value, at = varint(at)
        elif tag & 7 == 2:
            size, at = varint(at)
            value, at = message[at:at + size], at + size
        else:
            assert tag & 7 == 5
            value, at = struct.unpack("<f", message[at:at + 4])[0], at + 4
        found.append((tag >> 3, value))
    assert at == len(message)
    return found


def only(message, number):
    return [value for field, value in fields(message) if field == number]


def onnx(path):
    """(node kinds, metadata, initializers' sizes) of a model whose every input is made before it is read."""
    model = path.read_bytes()
    graph, = only(model, 7)
    assert only(model, 1) == [7] and only(only(model, 8)[0], 2) == [13]
    constants = {only(tensor, 8)[0].decode(): (only(tensor, 1), len(only(tensor, 9)[0])) for tensor in only(graph, 5)}
    made, kinds = {"input", *constants}, []
    for node in only(graph, 1):
        reads = {name.decode() for name in only(node, 1)}
        assert reads and reads <= made, reads - made
        name, = only(node, 2)
        assert name.decode() not in made
        made.add(name.decode())
        kinds.append(only(node, 4)[0].decode())
    for dims, size in constants.values():
        count = 4
        for dim in dims:
            count *= dim
        assert count == size
    assert only(only(graph, 11)[0], 1) == [b"input"] and only(only(graph, 12)[0], 1) == [b"logits"]
    assert "logits" in made
    metadata = {only(entry, 1)[0].decode(): only(entry, 2)[0].decode() for entry in only(model, 14)}
    return collections.Counter(kinds), metadata


def test_a_model_comes_out_as_the_pth_that_the_node_wrote(trained, tmp_path):
    told = json.loads(trained.client("export", "colours", "-o", tmp_path / "a.pth", "--json").stdout)
    assert told == {"model": "colours", "type": "resnet", "classes": 3, "format": "pth",
                    "file": str(tmp_path / "a.pth"), "bytes": (tmp_path / "a.pth").stat().st_size}
    original = trained.folder / "node0/models/colours/colours.pth"
    assert (tmp_path / "a.pth").read_bytes() == original.read_bytes()
    assert [path.name for path in tmp_path.iterdir()] == ["a.pth"]


def test_safetensors_hold_the_same_numbers_bit_for_bit(trained, tmp_path):
    path = tmp_path / "a.safetensors"
    trained.client("export", "colours", "-o", path)
    found, metadata = safetensors(path)
    assert metadata == {"format": "pt"}
    original = pth_numbers(trained.folder / "node0/models/colours/colours.pth")
    # Counters come first here; both keep the network's order otherwise.
    counters = [data for data in original if len(data) == 8]
    assert [entry[2] for entry in found.values()] == counters + [data for data in original if len(data) != 8]
    assert found["fc.weight"][:2] == ("F32", [3, 512]) and found["bn1.num_batches_tracked"][:2] == ("I64", [])
    trained.client("export", "colours", "--output", tmp_path / "b.bin", "--format", "safetensors")
    assert (tmp_path / "b.bin").read_bytes() == path.read_bytes()


def test_weights_start_a_training_from_safetensors(trained, tmp_path):
    path = tmp_path / "a.safetensors"
    trained.client("export", "colours", "-o", path)
    done = trained.client("train", "resnet", "--name", "again", "--epochs", 1, "--image-size", 32, "--batch-size", 8,
                          "--learning-rate", 0, "--weights", path)
    assert "Test Accuracy: 100.00%" in done.stdout + done.stderr
    trained.client("rm", "again")


@pytest.mark.parametrize("fold", [True, False])
def test_onnx_has_every_layer_and_says_how_to_prepare_images(trained, tmp_path, fold):
    path = tmp_path / "a.onnx"
    trained.client("export", "colours", "-o", path, *([] if fold else ["--no-fold"]))
    kinds, metadata = onnx(path)
    assert kinds == {"Conv": 20, "Relu": 17, "Add": 8, "MaxPool": 1, "GlobalAveragePool": 1, "Flatten": 1, "Gemm": 1,
                     **({} if fold else {"BatchNormalization": 20})}
    assert json.loads(metadata.pop("classes")) == ["blue", "green", "red"]
    assert metadata == {"type": "resnet", "image_size": "32", "mean": "0.485,0.456,0.406", "std": "0.229,0.224,0.225"}


def test_without_a_file_the_model_names_it(trained):
    done = trained.client("export", "colours", "--format", "safetensors")
    assert "colours.safetensors" in done.stdout and not done.stderr
    (trained.folder / "colours.safetensors").unlink()


def test_failures_are_one_line_and_leave_nothing(trained, tmp_path):
    for arguments, culprit in ((["none", "-o", tmp_path / "x.pth"], "'none'"),
                               (["colours", "--node", "nobody", "-o", tmp_path / "x.pth"], "'nobody'"),
                               (["colours", "-o", tmp_path / "missing/x.onnx"], "missing/x.onnx")):
        done = trained.client("export", *arguments, check=False)
        assert done.returncode == 1 and not done.stdout
        assert len(done.stderr.strip().splitlines()) == 1 and culprit in done.stderr, done.stderr
    for arguments in (["colours", "--format", "tflite"], ["a/b"], ["colours", "--no-fold"], ["colours", "-o", ""]):
        done = trained.client("export", *arguments, check=False)
        assert done.returncode == 2 and not done.stdout and done.stderr
    assert not list(tmp_path.iterdir())


def test_the_broker_exports_the_same_files(trained, tmp_path):
    for form in ("safetensors", "onnx"):
        trained.client("export", "colours", "-o", tmp_path / f"m.{form}")
        for method in ("GET", "HEAD"):
            status, headers, body = trained.request(method, f"/models/colours/colours.{form}")
            assert status == 200, body
            assert headers["Content-Disposition"] == f'attachment; filename="colours.{form}"'
            assert headers["Content-Length"] == str((tmp_path / f"m.{form}").stat().st_size)
            assert body == ((tmp_path / f"m.{form}").read_bytes() if method == "GET" else b"")


def test_a_download_goes_on_only_with_the_rest_of_the_same_model(trained):
    tags = set()
    for form in ("pth", "safetensors", "onnx"):
        ask = lambda *extra: trained.request("GET", f"/models/colours/colours.{form}", headers=dict(extra))
        status, headers, whole = ask()
        tags.add(headers["ETag"])
        assert status == 200
        for tag, wanted in ((None, (200, whole)), ('"another"', (200, whole)), (headers["ETag"], (206, whole[100:]))):
            status, _, body = ask(("Range", "bytes=100-"), *([("If-Range", tag)] if tag else []))
            assert (status, body) == wanted, tag
    assert len(tags) == 3


def test_what_the_broker_cannot_export_is_told(trained):
    for path, wanted in (("nobody/nobody.onnx", 404), ("colours/nobody.onnx", 404), ("colours/colours.tflite", 404),
                         ("colours/colours.onnx.zip", 404), ("colours/colours.onnx?node=nobody", 404)):
        status, _, body = trained.request("GET", f"/models/{path}")
        assert status == wanted and json.loads(body)["error"], (path, status, body)


def test_a_full_disk_is_not_the_weights_fault_and_nothing_is_told_of_descriptors(trained, tmp_path):
    helper = Helper()
    request = {"request": "export", "format": "safetensors", "type": "resnet", "imageSize": 32}
    with open(trained.folder / "node0/models/colours/colours.pth", "rb") as weights, open("/dev/full", "wb") as full:
        answer = helper.ask(request, [weights.fileno(), full.fileno()])
        assert answer["status"] == 507 and "No space left on device" in answer["error"], answer
    folder = os.open(tmp_path, os.O_RDONLY)
    with open(tmp_path / "out", "wb") as out:
        answer = helper.ask(request, [folder, out.fileno()])
    os.close(folder)
    assert answer == {"error": "'weights' is no regular file"}
    helper.end()


def test_what_happens_to_the_child_process_costs_one_export(trained):
    model, = [each for each in trained.get("/models")["models"] if each["name"] == "colours"]
    assert trained.request("GET", "/models/colours/colours.pth")[0] == 200
    blob = trained.folder / "state/blobs" / model["sha256"]
    whole = blob.read_bytes()
    blob.write_bytes(whole[:len(whole) // 2])
    status, _, body = trained.request("GET", "/models/colours/colours.safetensors")
    blob.write_bytes(whole)
    assert status == 422 and "zip" in json.loads(body)["error"], (status, body)
    assert trained.request("GET", "/models/colours/colours.safetensors")[0] == 200
    pid, = worker_of(trained.broker, "helper")
    os.kill(pid, signal.SIGSTOP)
    with concurrent.futures.ThreadPoolExecutor(12) as pool:
        waiting = [pool.submit(trained.request, "GET", "/models/colours/colours.onnx") for _ in range(12)]
        refused = wait_for("refusals", lambda: (lambda done: done if len(done) == 4 else None)(
            [each for each in waiting if each.done()]))
        assert {(each.result()[0], each.result()[1]["Retry-After"]) for each in refused} == {(503, "5")}
        os.kill(pid, signal.SIGKILL)
        statuses = sorted(each.result()[0] for each in waiting)
    assert statuses == [200] * 7 + [500] + [503] * 4


def test_only_a_disk_that_has_no_files_without_names_is_exported_beside(cluster):
    faults = CallFaults()
    make_dataset(cluster.folder / "node0/images", train=4, test=2)
    cluster.start_broker(within=faults.within)
    cluster.start_node("node0")
    assert cluster.wait_job(cluster.train(modelName="colours"))["state"] == "completed"
    ask = lambda: cluster.request("GET", "/models/colours/colours.safetensors")
    whole = ask()[2]
    faults.off()
    assert ask()[2] == whole
    last = faults.counts()["openat"]  # that of the file to export into
    for cause, wanted, word in (("EMFILE", 500, b"Too many open files"), ("ENOSPC", 500, b"No space left on device"),
                                ("EOPNOTSUPP", 200, whole)):
        faults.refuse("openat", cause, last)
        status, _, body = ask()
        assert status == wanted and word in body, (cause, status, body[:200])
