#!/usr/bin/env python3
"""Shows that the simulation finds faults: breaks the cores on purpose, one thing at a time, in a copy of the sources,
and tells for each the first seed that found it and the rule that broke.

usage: mutations.py [NAME...]

Prints a table, and ends with 1 where a change no longer applies to the sources, does not compile, or is not found.
"""
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parents[2]
SEEDS = "1-20000"

# name: what is broken; the file, what stands there, and what stands there instead.
MUTATIONS = {
    "any-node": ("the word of any node counts", "src/broker/job_reports.c",
                 "!live->sent || strcmp(live->assignments[0].node, node->name))", "!live->sent)"),
    "any-generation": ("the word of any generation counts", "src/broker/job_reports.c",
                       "if (generation >= 0 && generation != job->generation)", "if (false)"),
    "any-instance": ("the word of any process of the node counts", "src/broker/job_reports.c",
                     "return !*assigned || !instance || !strcmp(assigned, instance);", "return assigned;"),
    "no-retry": ("what could not be stored is not tried again", "src/broker/job_storing.c",
                 "job_mark(jobs, job, JOB_STORE); /* when its time has come */", "job->committed = job->version;"),
    "early-ack": ("an outcome is acknowledged before its commit", "src/broker/job_reports.c",
                  "    job->live->acknowledge = true;\n    job_end(",
                  "    job_mark(jobs, job, JOB_SEND_ACK);\n    job_end("),
    "early-train": ("SERVER TRAIN goes out before its commit", "src/broker/job_transitions.c",
                    "    set_state(jobs, job, JOB_STARTING);\n",
                    "    set_state(jobs, job, JOB_STARTING);\n    job_mark(jobs, job, JOB_SEND_TRAIN);\n"),
    "early-shown": ("a state is shown before its commit", "src/broker/job.h",
                    "return job->state == JOB_ENDING ? JOB_ENDING : job->committed_state;", "return job->state;"),
    "lost-start": ("a lost start stays lost", "src/broker/job_reports.c",
                   "        job_put_back(jobs, job, left, now);\n", "        job->live->lost_ms = 0;\n"),
    "cancel-forgotten": ("a restart forgets that a job is to be cancelled", "src/broker/job_transitions.c",
                         "        return;\n    if (job->live->cancelling) {\n",
                         "        return;\n    job->live->cancelling = false;\n    if (job->live->cancelling) {\n"),
    "cancel-endless": ("a node has for ever to cancel", "src/broker/job_deadlines.c",
                       "if (!has_passed(jobs, &job->live->cancel_ms, JOBS_CANCEL_MS, now))", "if (now.ms)"),
    "grace-endless": ("a node may be away for ever", "src/broker/job_deadlines.c",
                      "if (!has_passed(jobs, &job->live->lost_ms, JOBS_GRACE_MS, now))", "if (now.ms)"),
    "begin-endless": ("a node has for ever to begin", "src/broker/job_deadlines.c",
                      "if (!has_passed(jobs, &job->live->sent_ms, JOBS_BEGIN_MS, now))", "if (now.ms)"),
    "silence-endless": ("a node may be silent for ever", "src/broker/job_deadlines.c",
                        "has_passed(jobs, &live->heard_ms, JOBS_DEAD_MS, now)", "false"),
    "given-up-dropped": ("the outcome of a job that was given up is dropped", "src/broker/job_reports.c",
                         "    if (!job->given_up && job_is_over(job))\n        return JOB_OUTCOME_DROP;",
                         "    if (job_is_over(job))\n        return JOB_OUTCOME_DROP;"),
    "cancel-not-told": ("a node that still trains what was cancelled is not told", "src/broker/job_reports.c",
                        "    if (!entry_is_assigned(job, node, entry))\n        return true;",
                        "    if (!entry_is_assigned(job, node, entry))\n        return false;"),
    "cancel-unanswered": ("a cancel is not answered", "src/broker/job_storing.c",
                          "        job_mark(jobs, job, JOB_SEND_CANCEL);\n        job_answer(jobs, job, 202);",
                          "        job_mark(jobs, job, JOB_SEND_CANCEL);"),
    "busy-for-good": ("a node stays busy with what it had", "src/broker/job_transitions.c",
                      "    if (!node || !strcmp(node->job, id))\n", "    if (!node || !job)\n"),
    "secret-ignored": ("whoever asks gets a name", "src/broker/admission.c",
                       "if (*bound && strcmp(bound, newcomer->secret_hash))", "if (false)"),
    "outcome-not-kept": ("a node does not keep its outcomes", "src/node/outcomes.c",
                         "!outcome->is_gone && !outcome->is_kept && !outcome->is_writing;",
                         "outcome->failures < 0;"),
    "ack-any-generation": ("SERVER JOB ACK drops all generations", "src/node/training_core.c",
                           "if (ack->generation < 0) {\n        outcomes_acknowledge",
                           "if (true) {\n        outcomes_acknowledge"),
    "worker-hangs": ("a worker may hang for ever", "src/node/training_actions.c",
                     "if (silent_ms >= config->lost_ms) {", "if (false) {"),
}


class Failure(Exception):
    pass


def build(tree):
    made = subprocess.run(["make", "-s", "-j2", "BUILD=build-sim", "build-sim/tests/sim/cluster"], cwd=tree,
                          capture_output=True, text=True)
    if made.returncode:
        raise Failure("does not compile: " + next(line for line in made.stderr.splitlines() if "error" in line))


def run(tree):
    """(seed, rule) of the first seed that fails."""
    ran = subprocess.run(["build-sim/tests/sim/cluster", "--seeds", SEEDS, "--processes", "1"], cwd=tree,
                         capture_output=True, text=True)
    seed = re.search(r"^seed (\d+) failed; all", ran.stdout, re.MULTILINE)
    rule = re.search(r"^RULE: (.*)", ran.stdout, re.MULTILINE)
    if not ran.returncode or not seed:
        raise Failure(f"is not found by seeds {SEEDS}")
    return seed.group(1), rule.group(1) if rule else "it ended"


def mutate(tree, mutation):
    _, path, old, new = mutation
    place = tree / path
    text = place.read_text()
    if text.count(old) != 1:
        raise Failure(f"no longer applies: {path} has it {text.count(old)} times: {old.strip().splitlines()[0]}")
    place.write_text(text.replace(old, new))
    try:
        build(tree)
        return run(tree)
    finally:
        place.write_text(text)


def main():
    unknown = [name for name in sys.argv[1:] if name not in MUTATIONS]
    if unknown:
        print(f"mutations.py: there is no '{unknown[0]}'", file=sys.stderr)
        return 2
    failures = 0
    with tempfile.TemporaryDirectory() as folder:
        tree = pathlib.Path(folder)
        for part in ("src", "nn", "proto", "include", "tests/sim"):
            shutil.copytree(ROOT / part, tree / part)
        shutil.copy(ROOT / "Makefile", tree)
        for name, mutation in MUTATIONS.items():
            if sys.argv[1:] and name not in sys.argv[1:]:
                continue
            try:
                seed, rule = mutate(tree, mutation)
                print(f"{name:20} seed {seed:>5}  {mutation[0]}\n{'':20}             {rule}", flush=True)
            except Failure as failure:
                failures += 1
                print(f"{name:20} NOT FOUND   {mutation[0]}: {failure}", flush=True)
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
