#!/usr/bin/python3
"""make bench-limits: what the broker does under load that it has to bear, each figure beside its target.

limits.py [--report FILE.md] [NAME...]: prints the table, and writes it between the two comments `make bench-limits` of
FILE. DCLS names the program. Real brokers on free ports; nodes are fake ones (fake_node.py) but where it says so. It
ends with 1 only where something could not be measured: a figure that misses its target is a figure.
"""
import argparse
import asyncio
import os
import pathlib
import random
import statistics
import sys
import tempfile
import time
import traceback

HERE = pathlib.Path(__file__).parent
sys.path.insert(0, str(HERE.parent / "e2e"))
import fake_node  # noqa: E402
import history  # noqa: E402
import page  # noqa: E402
from harness import Cluster, make_dataset, wait_for  # noqa: E402
from http_load import Beside, Client, repeat, sample  # noqa: E402

TICKS = os.sysconf("SC_CLK_TCK")
ASYNC = {"Prefer": "respond-async"}
TRAIN = b'{"modelType": "resnet", "epochs": 1}'


# What a process has used and done, of /proc

def cpu_seconds(pid):
    fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


def status_of(pid, field, task=None):
    path = pathlib.Path(f"/proc/{pid}") / (f"task/{task}/status" if task else "status")
    return next(int(row.split()[1]) for row in path.read_text().splitlines() if row.startswith(field + ":"))


def resident(pid):
    """MB."""
    return status_of(pid, "VmRSS") * 1024 / 1e6


def wakes(pid, seconds):
    """How often a thread of the process slept and was woken."""
    def count():
        return sum(status_of(pid, "voluntary_ctxt_switches", task) for task in os.listdir(f"/proc/{pid}/task"))
    before = count()
    time.sleep(seconds)
    return count() - before


class Figure:
    """One row: `met` is None where there is no target."""

    def __init__(self, what, target, found, met):
        self.what, self.target, self.found, self.met = what, target, found, met


def below(what, found, most, unit):
    shown = f"{found:.0f}" if found >= 20 else f"{found:.1f}"
    return Figure(what, f"≤ {most:g} {unit}", f"{shown} {unit}", found <= most)


def percentile(values, share):
    return sorted(values)[min(len(values) - 1, int(len(values) * share))]


def ask(cluster, method, path, body=b"", **headers):
    """(status, bytes, ms)."""
    async def once():
        client = Client(cluster.api_port)
        await client.request("GET", "/healthz")
        start = time.monotonic()
        status, answer = await client.request(method, path, body, **headers)
        client.close()
        return status, answer, 1000 * (time.monotonic() - start)
    return asyncio.run(once())


def sample_nodes(cluster):
    return Beside(sample, cluster.api_port, "GET", "/nodes", 0.003)


def sample_train(cluster):
    return Beside(sample, cluster.api_port, "POST", "/train", 0.02, TRAIN, ASYNC, (202,))


# The measures

def ended_jobs(_):
    """100,000 ended jobs: figures of history.py, which makes them."""
    most = {"first page of GET /jobs": 50, "resident after all that": 150}
    for what, value, unit in history.measure():
        what = f"100,000 ended jobs: {what}"
        target = most.get(what.partition(": ")[2])
        yield below(what, value, target, unit) if target else Figure(what, "", f"{value:.3g} {unit}", None)


def node_info(cluster):
    """One NODE INFO with 9,000 digests, that of another 9,000 models each time."""
    cluster.start_broker()
    nodes, train = sample_nodes(cluster), sample_train(cluster)
    time.sleep(1)
    quiet = nodes.stop(), train.stop()
    nodes, train = sample_nodes(cluster), sample_train(cluster)
    time.sleep(0.3)
    took = Beside(fake_node.say_info, cluster.port, "many", 9000, 3, 1.5).result()
    loud = nodes.stop(), train.stop()
    yield Figure("NODE INFO with 9,000 digests: until it was handled", "", f"{1000 * max(took):.0f} ms", None)
    for name, before, now in zip(("GET /nodes", "POST /train"), quiet, loud):
        yield below(f"NODE INFO with 9,000 digests: {name} delayed by at most (without: {max(before):.0f} ms)",
                    max(now), 50, "ms")


def image_of(number):
    """(method, path, body, headers) of an inference with an image of its own."""
    return "POST", "/inference?model=m", random.Random(number).randbytes(20_000), {"Content-Type": "image/jpeg"}


def inference(cluster):
    """Clients that wait for inferences which nodes answer after 20 ms, having fetched the image."""
    cluster.start_broker()
    nodes = Beside(fake_node.serve, cluster.port, [f"n{k}" for k in range(4)], ["m"], 0.02)
    wait_for("the nodes", lambda: len(cluster.node_names()) == 4)
    yield from compare_clients(cluster, image_of, "inference, 4 fake nodes", 8)
    nodes.stop()


def compare_clients(cluster, make, what, seconds):
    rates = {}
    for clients in (50, 300):
        counts, rate, waited = Beside(repeat, cluster.api_port, clients, make, seconds).result()
        others = {status: count for status, count in counts.items() if status != 200}
        rates[clients] = rate
        told = f"{rate:.0f}/s" + (f", longest {max(waited) / 1000:.1f} s" if waited else "")
        told += f", others {others}" if others else ""
        if clients == 50:
            yield Figure(f"{what}: answers to 50 clients", "", told, None)
            if not rate:
                raise RuntimeError(f"no answer to 50 clients: {counts}")
    share = rates[300] / rates[50]
    yield Figure(f"{what}: answers to 300 clients", "as many as to 50", f"{told} ({share:.2f} times)", share >= 0.9)


def real_inference(cluster):
    """The same with a node that really answers: a ResNet-18 at 32x32."""
    images = make_dataset(cluster.folder / "images")
    cluster.start_broker()
    cluster.start_node("node0")
    job = cluster.wait_job(cluster.train(modelName="m", imageSize=32))
    if job["state"] != "completed":
        raise RuntimeError(f"the model was not trained: {job}")
    image = (images / "test/red/0.png").read_bytes()

    def make(number):
        return "POST", "/inference?model=m", image + b"%d" % number, {"Content-Type": "image/png"}
    yield from compare_clients(cluster, make, "inference, a real node", 8)


def messages(cluster):
    """20,000 messages a second of 50 nodes, a fifth of them pings, the others progress of their trainings."""
    cluster.start_broker()
    nodes = sample_nodes(cluster)
    load = Beside(fake_node.flood, cluster.port, [f"n{k}" for k in range(50)], 20_000, 10)
    found = load.result()
    waited = nodes.stop()
    pace = found["sent"] / found["seconds"]
    lost = (found["pings"] - found["pongs"]) + (50 - found["last"]) + (found["owed"] - found["epochs"])
    yield Figure("50 nodes: messages a second", "20,000", f"{pace:,.0f}", pace >= 19_900)
    yield Figure("50 nodes: pings without answer, last words and epochs not seen", "0", f"{lost}", lost == 0)
    if found["errors"]:
        yield Figure("50 nodes: refused", "0", found["errors"][0], False)
    yield Figure("50 nodes: the last answer came after the last message by", "", f"{1000 * found['lag']:.0f} ms", None)
    yield below(f"50 nodes: GET /nodes meanwhile, p99 (median {statistics.median(waited):.1f} ms, "
                f"highest {max(waited):.0f} ms)", percentile(waited, 0.99), 50, "ms")


def idle(cluster):
    """What a broker does that has nothing to do."""
    cluster.start_broker()
    time.sleep(2)
    pid = cluster.broker.process.pid
    yield Figure("idle broker: wakes in 10 s", "≤ 10", f"{(count := wakes(pid, 10))}", count <= 10)
    cluster.start_node("node0")
    time.sleep(2)
    yield Figure("idle broker with a node: wakes in 10 s", "", f"{wakes(pid, 10)}", None)
    yield Figure("idle node: wakes in 10 s", "", f"{wakes(cluster.nodes['node0'].process.pid, 10)}", None)


def queue(cluster):
    """Jobs without a name, one request after the other."""
    count = 3277
    cluster.start_broker()
    pid = cluster.broker.process.pid

    async def submit():
        client, before, start = Client(cluster.api_port), cpu_seconds(pid), time.monotonic()
        for _ in range(count):
            status, answer = await client.request("POST", "/train", TRAIN, **ASYNC)
            if status != 202:
                raise RuntimeError(f"POST /train: {status} {answer}")
        return time.monotonic() - start, cpu_seconds(pid) - before
    took, used = asyncio.run(submit())
    yield Figure(f"{count:,} jobs without a name: time to submit them", "", f"{took:.1f} s", None)
    yield below(f"{count:,} jobs without a name: processor time of the broker", used, 10, "s")


def images(cluster):
    """Eight GET /images at once over 150,000 files."""
    count, folders = 150_000, 100
    for k in range(folders):
        place = cluster.folder / f"images/train/class{k:03}"
        place.mkdir(parents=True)
        for i in range(count // folders):
            os.close(os.open(place / f"{i:04}.jpg", os.O_CREAT | os.O_WRONLY))
    cluster.start_broker()
    train, nodes = sample_train(cluster), sample_nodes(cluster)
    time.sleep(1)
    quiet = train.stop(), nodes.stop()
    train, nodes = sample_train(cluster), sample_nodes(cluster)

    async def all_at_once():
        answers = await asyncio.gather(*(Client(cluster.api_port).request("GET", "/images") for _ in range(8)))
        return [status for status, _ in answers]
    start = time.monotonic()
    statuses = asyncio.run(all_at_once())
    took = time.monotonic() - start
    loud = train.stop(), nodes.stop()
    if statuses.count(200) < 1:
        raise RuntimeError(f"GET /images: {statuses}")
    yield Figure("8 GET /images over 150,000 files: all answered after", "",
                 f"{took:.1f} s, {statuses.count(200)} of them with 200", None)
    for name, before, now in zip(("POST /train", "GET /nodes"), quiet, loud):
        yield below(f"8 GET /images over 150,000 files: {name} delayed by at most (without: {max(before):.0f} ms)",
                    max(now), 50, "ms")


def first_paint(browser):
    """ms from the request for the page until it is drawn and its scripts have run, with nothing in the cache."""
    browser.cdp("Network.clearBrowserCache")
    browser.open("#/")
    browser.settle()
    return browser.run("""return Math.max(performance.getEntriesByName('first-contentful-paint')[0].startTime,
        performance.getEntriesByType('navigation')[0].domContentLoadedEventEnd)""")


def page_in_browser(cluster):
    """The page beside 200 nodes that talk and 1,000 jobs: Debian's Chromium on the same processors."""
    sys.path.insert(0, str(HERE.parent / "page"))
    import browser as chromium
    import crowd
    (cluster.folder / "chromium").mkdir()
    watched = chromium.Browser(cluster.folder / "chromium")
    try:
        with crowd.crowd_of(cluster) as made:
            watched.begin()
            watched.cluster, watched.base = cluster, cluster.api
            yield below(f"page, {crowd.NODES} nodes, {crowd.JOBS} jobs: first view drawn after (median of 5)",
                        statistics.median(first_paint(watched) for _ in range(5)), 1000, "ms")
            for address in ("#/", "#/jobs", "#/models", "#/train"):
                took, _ = crowd.watch(watched, made, address)
                found = f"{took:.0f} ms" if took else "below 50 ms"  # a browser tells of longer ones alone
                yield Figure(f"page, {crowd.NODES} nodes, {crowd.JOBS} jobs: {address} keeps the browser for at most",
                             "≤ 200 ms", found, took <= 200)
    finally:
        watched.stop()


MEASURES = {measure.__name__.replace("_", "-"): measure for measure in
            (ended_jobs, node_info, inference, real_inference, messages, idle, queue, images,
             page_in_browser)}


def measure(name):
    """The figures; None in their place where it failed, which is told."""
    found = []
    with tempfile.TemporaryDirectory(prefix="dcls-limits-") as folder:
        cluster = Cluster(folder)
        try:
            for figure in MEASURES[name](cluster):
                found.append(figure)
                verdict = {None: "    ", True: "met ", False: "MISS"}[figure.met]
                print(f"{verdict} {figure.what}: {figure.found}" + (f" ({figure.target})" if figure.target else ""),
                      flush=True)
        except Exception:  # noqa: B902: the other measures are made all the same
            traceback.print_exc()
            print(f"FAILED: '{name}' could not be measured\n{cluster.broker.text()[-1000:] if cluster.broker else ''}",
                  file=sys.stderr)
            found.append(None)
        finally:
            for process in (*cluster.started, cluster.broker):
                if process:
                    process.kill()
    return found


VERDICTS = {None: "", True: "met", False: "**missed**"}


def section(figures):
    """The figures as a table of the page."""
    text = page.row("", "target", "found", "") + page.row("---", "--:", "--:", "---")
    for figure in figures:
        text += page.row(figure.what, figure.target, figure.found, VERDICTS[figure.met])
    return f"""Written by `make bench-limits` on {time.strftime('%Y-%m-%d')}, on: {page.processor()}, {os.cpu_count()}
processors, which the load shares with the broker.

{text}"""


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--report", type=pathlib.Path)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"of {', '.join(MEASURES)}")
    wanted = parser.parse_args()
    if unknown := set(wanted.names) - set(MEASURES):
        parser.error(f"there is no {', '.join(sorted(unknown))}; there are {', '.join(MEASURES)}")
    if wanted.report and page.quoted(wanted.report, "make bench-limits") is None:
        parser.error(f"'{wanted.report}' has no place for what is found")
    print(f"on {page.processor()}, {os.cpu_count()} processors")
    figures = [figure for name in wanted.names or MEASURES for figure in measure(name)]
    if wanted.report:
        page.quote(wanted.report, "make bench-limits", section([figure for figure in figures if figure]))
    return 1 if None in figures else 0


if __name__ == "__main__":
    sys.exit(main())
