/* #/jobs/ID: one training, from waiting to its report. While it runs: one line of progress, two plots, cancel, and the
 * log folded away. When it is over the same place tells what came of it. All follows from GET /jobs/ID and the events
 * after it, so that a job of before a restart of the broker is shown as any other. */
import { get, path } from './api.js';
import { compareChoice } from './compare_choice.js';
import { epochTrace, trainingCurves } from './curves.js';
import { fill, h } from './dom.js';
import { ago, count, plural } from './format.js';
import { cancelButton } from './job_cancel.js';
import { jobLog } from './job_log.js';
import { fourNumbers, jobOutcome, trainAgain } from './job_outcome.js';
import { titleOf } from './job_progress.js';
import { jobReport, modelOf } from './job_report.js';
import { progressLine } from './progress_line.js';
import { retry } from './retry.js';
import { href, title } from './router.js';
import { isOver, store, watch } from './store.js';
import { networkName } from './train_request.js';
import { buttonLink, empty, notice, stateMark } from './ui.js';

/* The results with the newest in its place. */
function withResult(results, result) {
    return result?.epoch >= 1 ? [...results.filter((one) => one.epoch < result.epoch), result] : results;
}

function heading(job) {
    const where = job.nodes.length ? job.nodes.map((name, i) => [i ? ', ' : ' on ',
        h('a', { href: href('nodes', name) }, name)]) : ' on any free node';
    const next = job.state !== 'completed' ? null : h('p', { class: 'row' },
        buttonLink('Model', href('models', job.modelName)),
        buttonLink('Classify', `${href('classify')}?${new URLSearchParams({ model: job.modelName })}`, 'primary'));
    const when = isOver(job) ? [stateMark(job.state), ' ', ago(job.ended)] : ['asked for ', ago(job.created)];
    return [
        h('div', { class: 'page-head' }, h('h1', {}, job.modelName), next),
        h('p', { class: 'muted' }, `Job ${job.id} · ${networkName(job.modelType)} · ${plural(job.epochs, 'epoch')}`,
            where, job.generation > 1 ? ` · started ${count(job.generation)} times` : '', ' · ', when),
    ];
}

/* What is shown of a job that is known, and `missing`, what is said of the rest: {update(job), lacks(job), close()}. */
function view(main, job, missing) {
    const head = h('header', { class: 'job-head' });
    const line = progressLine();
    const outcome = h('div', { class: 'stack' });
    const notices = h('div', { class: 'stack' });
    const curves = trainingCurves();
    const trace = epochTrace();
    const report = h('div', { class: 'report' });
    const missingReport = retry(drawReport, 'error');
    const cancel = cancelButton();
    const compare = compareChoice([job.id]);
    const log = jobLog(async () => (await modelOf(job)).own);
    let results = job.results;
    let headed = '';
    let ended = false;     /* what came of it is shown */
    let reporting = false; /* the report is asked for, or shown */

    const again = h('div', { hidden: true });
    /* The report comes last, so that nothing moves when it comes. */
    fill(main, head, line.element, outcome, notices, missing, curves.element,
        h('div', { class: 'job-actions' }, cancel.element, again, compare.element), log.element,
        missingReport.element, report);

    function drawHead() {
        const key = JSON.stringify([job.state, job.nodes, job.epochs, job.generation]);
        if (key !== headed)
            fill(head, heading(job));
        headed = key;
    }

    function drawNotices() {
        const lines = job.notices ?? [];
        if (lines.length !== notices.childElementCount)
            fill(notices, lines.map((line) => notice('warning', line)));
        notices.hidden = !lines.length;
    }

    /* The model may come a moment after the end of its job: then it is tried again. */
    async function drawReport() {
        if (reporting || job.state !== 'completed')
            return;
        reporting = true;
        try {
            reporting = await jobReport(report, job, (whole) => fill(outcome, fourNumbers(job, results, whole)));
            missingReport.done();
        } catch (error) {
            reporting = false;
            fill(report);
            missingReport.failed(error, `The report cannot be shown: ${error.message}.`);
        }
    }

    function draw() {
        const over = isOver(job);
        title(titleOf(job));
        drawHead();
        drawNotices();
        line.element.hidden = over;
        cancel.element.hidden = over;
        again.hidden = job.state !== 'completed'; /* of another end the outcome has it */
        curves.element.hidden = over && !results.length;
        if (!over) {
            line.update(job);
            trace.add(job);
        }
        cancel.update(job);
        curves.update(results, over && results.length ? null : trace);
        log.update(job, results);
        compare.update(results.length > 0);
        if (over && !ended) {
            fill(outcome, jobOutcome(job, results));
            fill(again, trainAgain(job, 'Train again'));
        }
        ended = over;
        drawReport();
    }

    return {
        update(next) {
            results = next.results ?? withResult(results, next.result);
            job = { ...next, options: next.options ?? job.options }; /* events have none */
            draw();
        },
        /* Epochs passed that were not told of, or another generation began anew. */
        lacks(next) {
            const last = results[results.length - 1]?.epoch ?? 0;
            return next.generation !== job.generation || isOver(next) || (next.result?.epoch ?? 0) > last + 1;
        },
        /* The models or other jobs are others now. */
        refresh(changes) {
            compare.update(results.length > 0);
            if (changes.get('model')?.has(job.modelName))
                drawReport();
        },
        close() {
            missingReport.close();
            curves.close();
        },
    };
}

export function open(main, { id }) {
    let shown = null;
    let closed = false;
    let asking = false;
    let again = false;
    const missing = retry(load);

    async function load() {
        again = asking;
        if (asking)
            return;
        asking = true;
        try {
            const job = await get(path('jobs', id));
            if (!closed) {
                shown ??= view(main, job, missing.element);
                shown.update(job);
                missing.done();
            }
        } catch (error) {
            if (!closed)
                showFailure(error);
        }
        asking = false;
        if (again && !closed)
            load();
    }

    function showFailure(error) {
        if (!shown && error.status === 404) {
            missing.done();
            fill(main, h('h1', {}, `Job ${id}`), empty(`There is no job ${id}. Of those that ended the broker keeps `
                + 'the newest.', { href: '#/jobs', text: 'All jobs' }));
            return;
        }
        if (shown && store.jobs.has(id))
            shown.update(store.jobs.get(id)); /* what the stream tells */
        else if (!shown && !missing.element.isConnected)
            fill(main, h('h1', {}, `Job ${id}`), missing.element);
        missing.failed(error, shown ? `What came since cannot be had: ${error.message}.` :
            `It cannot be shown: ${error.message}.`);
    }

    title(`Job ${id}`);
    fill(main, h('h1', {}, `Job ${id}`), h('p', { class: 'muted' }, 'Asks the broker…'));
    load();
    const stop = watch(['job', 'model', 'live'], (changes) => {
        const job = changes.get('job')?.has(id) ? store.jobs.get(id) : undefined;
        if (changes.has('live') && store.live || job && shown?.lacks(job))
            load();
        else if (job)
            shown?.update(job);
        shown?.refresh(changes);
    });
    return () => {
        closed = true;
        stop();
        missing.close();
        shown?.close();
    };
}
