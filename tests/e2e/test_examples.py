"""The scripts in examples/, and the commands that README shows."""
import os
import pathlib
import re
import subprocess

from harness import DCLS, PATIENCE, free_port

ROOT = pathlib.Path(__file__).parents[2]


def test_up_starts_a_cluster_that_stays_and_down_ends_it(tmp_path):
    environment = {**os.environ, "DCLS": DCLS, "SERVER_PORT": str(free_port()), "API_PORT": str(free_port())}
    run = lambda *command: subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True,
                                          timeout=60 * PATIENCE)
    up = run(ROOT / "examples/up.sh", "here")
    try:
        assert up.returncode == 0, up.stderr
        again = run(ROOT / "examples/up.sh", "here")
        assert again.returncode == 1 and "already up" in again.stderr
        nodes = run(DCLS, "client", "--api", f"http://127.0.0.1:{environment['API_PORT']}", "nodes")
        assert all(name in nodes.stdout for name in ("node0", "node1", "node2")), nodes
    finally:
        down = run(ROOT / "examples/down.sh", "here")
    assert down.returncode == 0 and "killed" not in down.stderr
    assert not list((tmp_path / "here").glob("*.pid"))
    for log in (tmp_path / "here").glob("*.log"):
        assert "Sanitizer" not in log.read_text(), log.read_text()


def test_every_dcls_command_of_the_readme_exists():
    commands = set(re.findall(r"^\s*(?:\./)?dcls ((?:client )?[a-z]+)", (ROOT / "README.md").read_text(), re.M))
    assert {"broker", "node", "client train", "client infer"} <= commands
    for command in commands:
        done = subprocess.run([DCLS, *command.split(), "--help"], capture_output=True, text=True,
                              timeout=20 * PATIENCE)
        assert done.returncode == 0, command


def test_the_program_links_to_no_library_that_the_readme_does_not_name():
    dynamic = subprocess.run(["readelf", "-d", DCLS], check=True, capture_output=True, text=True).stdout
    needed = re.findall(r"\(NEEDED\).*\[([a-z_]+)", dynamic)  # without their versions
    assert "libc" in needed and "libjpeg" in needed
    sanitizers = {"libasan", "libubsan", "libtsan"}
    readme = (ROOT / "README.md").read_text()
    assert [name for name in needed if name not in readme and name not in sanitizers] == []
