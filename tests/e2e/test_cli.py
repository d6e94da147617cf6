"""The command line: help, exit codes, one-line errors, what is said on Ctrl-C."""
import fcntl
import json
import os
import pathlib
import pty
import re
import select
import signal
import struct
import subprocess
import termios
import time

import pytest
from harness import DCLS, PATIENCE

ROOT = pathlib.Path(__file__).parents[2]
HELP = [["broker"], ["node"], ["worker"], ["helper"], ["bench"], ["client"], *(["client", command] for command in (
    "train", "infer", "nodes", "models", "images", "jobs", "report", "log", "export", "watch", "cancel", "rm",
    "forget"))]


def run(*arguments, **options):
    return subprocess.run([DCLS, *arguments], stdin=subprocess.DEVNULL, capture_output=True, text=True,
                          timeout=20 * PATIENCE, **options)


@pytest.mark.parametrize("command", [[], *HELP], ids=" ".join)
def test_help_and_version_are_told_on_stdout(command):
    for flag in ("-h", "--help"):
        done = run(*command, flag)
        assert done.returncode == 0 and "usage: dcls" in done.stdout.lower() and not done.stderr
    for flag in ("-V", "--version"):
        done = run(*command, flag)
        assert done.returncode == 0 and re.fullmatch(r"dcls \d+\.\d+\.\d+\n", done.stdout)


@pytest.mark.parametrize("command", [["broker"], ["node"], ["bench"], ["client"], ["client", "train"],
                                     ["client", "infer"], ["client", "export"]], ids=" ".join)
def test_every_option_of_the_help_stands_in_the_man_page(command):
    options = set(re.findall(r"--[a-z][a-z-]+", run(*command, "--help").stdout))
    page = subprocess.run(["mandoc", "-T", "utf8", ROOT / f"man/dcls-{command[0]}.1"], capture_output=True,
                          text=True, check=True).stdout
    page = re.sub(".\b", "", page).replace("‐", "-").replace("−", "-")
    assert options and not {option for option in options if option not in page}


@pytest.mark.parametrize("arguments", [
    [], ["nonsense"], ["broker", "--nonsense"], ["broker", "extra"], ["broker", "--port", "x"],
    ["broker", "--port", "70000"], ["node"], ["node", "--name", "../x"], ["node", "--name", "a", "--threads", "0"],
    ["client"], ["client", "nonsense"], ["client", "train"], ["client", "train", "a/b"],
    ["client", "train", "resnet", "--epochs", "0"], ["client", "train", "resnet", "--epochs", "ten"],
    ["client", "train", "resnet", "--optimizer", "lion"], ["client", "train", "resnet", "--nonsense"],
    ["client", "infer"], ["client", "watch"], ["client", "cancel"], ["client", "rm"],
    ["client", "forget"], ["client", "forget", "a/b"], ["client", "report"],
    ["client", "train", "resnet", "--name", "a/b"], ["client", "infer", "--top", "-1", "x.jpg"],
    ["bench"], ["bench", "train"], ["bench", "walk", "resnet"], ["bench", "train", "alexnet"],
    ["bench", "train", "resnet", "extra"], ["bench", "train", "resnet", "--steps", "0"],
    ["bench", "infer", "resnet", "--batch-size", "x"], ["bench", "infer", "resnet", "--image-size", "-1"],
    ["bench", "infer", "resnet", "--backend", "abacus"], ["bench", "infer", "resnet", "--nonsense"],
], ids=" ".join)
def test_wrong_usage_is_2_and_says_why_on_stderr(arguments):
    done = run(*arguments)
    assert done.returncode == 2 and not done.stdout
    if arguments in ([], ["client"]):  # no command: what there is
        assert done.stderr.startswith("usage: dcls")
    else:
        assert re.fullmatch(r"dcls: .* \(see 'dcls( [a-z]+)* --help'\)\n", done.stderr), done.stderr


@pytest.mark.parametrize("variable,value,arguments,wanted", [
    ("SERVER_PORT", "x", ["broker"], "'$SERVER_PORT' is 'x': it must be a whole number from 0 to 65535"),
    ("API_PORT", "70000", ["broker"], "'$API_PORT' is 70000: it must be a whole number from 0 to 65535"),
    ("SERVER_PORT", "0", ["node", "--name", "a"], "'$SERVER_PORT' is 0: it must be a whole number from 1 to 65535"),
    ("DCLS_API", "ftp://x", ["client", "jobs"], "'$DCLS_API' is 'ftp://x': it must start with http:// or https://"),
])
def test_a_wrong_value_of_the_environment_is_named_as_such(variable, value, arguments, wanted):
    done = run(*arguments, env={**os.environ, variable: value})
    assert done.returncode == 2 and done.stderr.startswith(f"dcls: {wanted} (see ")
    done = run(*arguments, "--help", env={**os.environ, variable: value})
    assert done.returncode == 0 and f"(default: ${variable}, else " in " ".join(done.stdout.split())


@pytest.mark.parametrize("command", HELP, ids=" ".join)
@pytest.mark.parametrize("columns", [80, 120])
def test_help_fits_the_terminal(command, columns):
    pid, terminal = pty.fork()
    if pid == 0:
        fcntl.ioctl(0, termios.TIOCSWINSZ, struct.pack("HHHH", 40, columns, 0, 0))
        os.execv(DCLS, [DCLS, *command, "--help"])
    text = b""
    try:
        while data := os.read(terminal, 4096):
            text += data
    except OSError:
        pass  # its end
    os.waitpid(pid, 0)
    os.close(terminal)
    lines = text.decode().splitlines()
    assert lines and max(map(len, lines)) <= columns


def test_failure_is_1_with_one_line_that_names_the_culprit(running, tmp_path):
    (running.folder / "text.jpg").write_text("no image")
    for arguments, culprit in ((["infer", "none.jpg"], "none.jpg"), (["watch", "999"], "999"),
                               (["cancel", "999"], "999"), (["rm", "none"], "none"),
                               (["forget", "none"], "none"), (["report", "none"], "none"),
                               (["log", "none"], "none"), (["infer", "text.jpg", "--model", "none"], "none"),
                               (["train", "resnet", "--node", "none"], "none"),
                               (["train", "resnet", "--weights", "none.pth"], "none.pth"),
                               (["--api", "http://127.0.0.1:1", "nodes"], "127.0.0.1:1")):
        done = running.client(*arguments, check=False)
        assert done.returncode == 1 and not done.stdout, (arguments, done)
        lines = done.stderr.strip().splitlines()
        assert len(lines) == 1 and culprit in lines[0], (arguments, done.stderr)


def test_lists_are_readable_and_as_json_one_document(trained):
    for command in ("nodes", "models", "images", "jobs"):
        assert trained.client(command).stdout.strip()
        assert command in json.loads(trained.client(command, "--json").stdout)
    assert json.loads(trained.client("report", "colours", "--json").stdout)["epochs"] == 10
    assert trained.client("log", "colours").stdout.startswith("Epoch [1/10], Train Loss: ")
    assert "colours" in trained.client("models").stdout and "node0" in trained.client("nodes").stdout


def on_terminal(cluster, arguments, until, then=None):
    """Runs the client on a terminal; when `until` shows up sends `then`; returns (exit code, screen text)."""
    pid, terminal = pty.fork()
    if pid == 0:
        os.chdir(cluster.folder)
        os.execve(DCLS, [DCLS, "client", *arguments], {**os.environ, "DCLS_API": cluster.api, "TERM": "xterm"})
    text, sent, end = "", False, time.monotonic() + 60 * PATIENCE
    while time.monotonic() < end:
        if select.select([terminal], [], [], 0.2)[0]:
            try:
                data = os.read(terminal, 4096)
            except OSError:
                break
            if not data:
                break
            text += data.decode(errors="replace")
        if not sent and until in text:
            sent = True
            if then:
                os.write(terminal, then)
    else:
        os.kill(pid, signal.SIGKILL)
    _, status = os.waitpid(pid, 0)
    os.close(terminal)
    assert os.WIFEXITED(status), (status, text)
    return os.WEXITSTATUS(status), text


def test_a_terminal_shows_a_bar_with_rate_and_time_left(running):
    code, text = on_terminal(running, ["train", "resnet", "--epochs", "3", "--image-size", "32", "--batch-size", "4"],
                             "images/s")
    assert code == 0 and "\r" in text and "images/s" in text and "Epoch [3/3]" in text, text


def test_ctrl_c_leaves_the_job_and_says_how_to_go_on(running):
    code, text = on_terminal(running, ["train", "resnet", "--epochs", "500", "--image-size", "32", "--name", "m"],
                             "images/s", b"\x03")
    job = running.get("/jobs")["jobs"][0]
    assert code not in (0, 2) and job["state"] == "running"
    assert f"watch {job['id']}" in text and f"cancel {job['id']}" in text, text
    running.client("cancel", job["id"])
    assert running.wait_job(job["id"])["state"] == "cancelled"


def test_without_a_terminal_progress_is_plain_lines(running):
    done = running.client("train", "resnet", "--epochs", "2", "--image-size", "32", "--batch-size", "8")
    assert "\r" not in done.stdout + done.stderr and "\033" not in done.stdout + done.stderr
    assert "Epoch [1/2], Train Loss:" in done.stdout + done.stderr


def test_detach_returns_at_once_and_watch_follows(running):
    done = running.client("train", "resnet", "--epochs", "2", "--image-size", "32", "--detach", "--json")
    job = json.loads(done.stdout)["job"]
    watched = running.client("watch", job, "--json")
    assert json.loads(watched.stdout)["state"] == "completed"


def test_the_default_name_is_the_first_free_number(running):
    for expected in ("resnet-1", "resnet-2"):
        done = running.client("train", "resnet", "--epochs", "1", "--image-size", "32", "--detach", "--json")
        job = json.loads(done.stdout)["job"]
        assert running.job(job)["modelName"] == expected
        running.wait_job(job)


def test_a_port_in_use_is_one_clear_line(running, tmp_path):
    done = run("broker", "--port", str(running.port), "--api-port", "0", cwd=tmp_path)
    assert done.returncode == 1 and str(running.port) in done.stderr


def test_two_nodes_cannot_share_a_folder(running):
    done = run("node", "--name", "node0", "--port", str(running.port), cwd=running.folder)
    assert done.returncode == 1 and "node0" in done.stderr


def test_a_broker_that_is_told_to_end_as_soon_as_it_listens_ends_well(tmp_path):
    for i in range(8):
        ports = tmp_path / f"ports{i}"
        with subprocess.Popen([DCLS, "broker", "--port", "0", "--api-port", "0", "--port-file", ports,
                               "--state", tmp_path / f"state{i}"], stderr=subprocess.DEVNULL) as broker:
            while not ports.exists() and broker.poll() is None:
                pass
            broker.terminate()
            assert broker.wait(15 * PATIENCE) == 0
