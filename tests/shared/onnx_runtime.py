"""ONNX Runtime, of Node.js: ORT_MODULES names the node_modules folder that holds onnxruntime-node (make test-shared
installs it into the build folder)."""
import json
import os
import pathlib
import subprocess

import numpy

MODULES = os.environ["ORT_MODULES"]  # no default: without it these tests fail


def run(model, images, batch):
    """Logits (N, classes) of images (N, 3, S, S), in batches."""
    done = subprocess.run(["node", pathlib.Path(__file__).parent / "onnx_run.js", model, str(batch),
                           str(images.shape[2])], input=images.astype(numpy.float32).tobytes(), capture_output=True,
                          timeout=600, env={**os.environ, "NODE_PATH": MODULES})
    assert done.returncode == 0, done.stderr.decode()
    return numpy.float32(json.loads(done.stdout))
