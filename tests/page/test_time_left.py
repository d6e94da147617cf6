"""How long a training still takes: from its batches alone, as they are told while one looks."""
import pytest

# What is told of a job, [seconds, what changed of it], and the seconds that are left by it then; None: not known.
TRAINING = {"id": "7", "state": "running", "generation": 1, "epoch": 1, "epochs": 10, "batch": 0, "batches": 10}
WAITED = [[0, {"state": "queued", "epoch": 0, "batches": 0}], [500, {"state": "starting"}],
          [600, {"state": "running"}], [900, {"epoch": 1, "batches": 10}]]
TOLD = {
    "what it waited counts nothing": ([*WAITED, [901, {"batch": 1}], [911, {"batch": 2}]], 980),
    "one batch tells nothing": ([*WAITED, [901, {"batch": 1}]], None),
    "who goes on at half begins there": ([*WAITED[:3], [900, {"epoch": 6, "batches": 10}], [901, {"batch": 1}],
                                          [911, {"batch": 2}]], 480),
    "a batch that was told when one came is older than that": ([[0, {"batch": 5}], [1, {"batch": 6}],
                                                                [11, {"batch": 7}]], 930),
    "another generation begins anew": ([[0, {"batch": 5}], [1, {"batch": 6}], [3, {"batch": 9}],
                                        [4, {"generation": 2, "batch": 1}], [5, {"batch": 2}], [15, {"batch": 3}]],
                                       970),
    "between two batches it stays": ([[0, {"batch": 5}], [1, {"batch": 6}], [11, {"batch": 7}], [19, {"loss": 1}]],
                                     930),
    "one that ended takes no time": ([[0, {"batch": 5}], [1, {"batch": 6}], [11, {"batch": 7}],
                                      [12, {"state": "completed"}]], None),
}


@pytest.fixture
def page(browser, cluster):
    cluster.start_broker()
    browser.base = cluster.api
    browser.open("#/")
    return browser


def test_the_time_left_is_told_from_the_batches_that_were_seen(page):
    found = page.run_async("""
        const { secondsLeft, watchProgress } = await import('/page/time_left.js');
        return args[0].map(([job, told]) => {
            for (const [seconds, change] of told)
                watchProgress(Object.assign(job, change), 1000 * seconds);
            return secondsLeft(job);
        });""", [[{**TRAINING, "id": str(i)}, told] for i, (told, _) in enumerate(TOLD.values())])
    assert [None if one is None else round(one) for one in found] == [left for _, left in TOLD.values()]


def test_a_list_and_the_job_s_page_tell_the_same_time(page):
    told = page.run_async("""
        const { jobRows } = await import('/page/job_rows.js');
        const { progressLine } = await import('/page/progress_line.js');
        const { watchProgress } = await import('/page/time_left.js');
        const job = { ...args[0], modelName: 'm', modelType: 'resnet', nodes: [], started: Date.now() - 3600000 };
        for (const [seconds, change] of args[1])
            watchProgress(Object.assign(job, change), 1000 * seconds);
        const [line, rows] = [progressLine(), jobRows()];
        line.update(job);
        rows.update([job]);
        return [line.element.textContent, rows.element.textContent];""",
                          TRAINING, [*WAITED, [901, {"batch": 1}], [911, {"batch": 2}]])
    assert all("16 min left" in text for text in told), told
