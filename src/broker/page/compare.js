/* #/compare/7,9: the curves of two or more trainings over each other, and what they came to in a table. */
import { get, path } from './api.js';
import { MOST, compareChoice } from './compare_choice.js';
import { bestResult, plotFigure, points } from './curves.js';
import { fill, h, keyed, text } from './dom.js';
import { count, duration, percent, plural } from './format.js';
import { linePlot } from './plot.js';
import { mayComeYet, retry } from './retry.js';
import { href, title } from './router.js';
import { isOver, store, watch } from './store.js';
import { networkName } from './train_request.js';
import { buttonLink, empty } from './ui.js';

/* A job's line is called by its model; where two made models of one name, by its number too. */
function nameOf(job, jobs) {
    const shared = jobs.filter((one) => one.modelName === job.modelName).length > 1;
    return shared ? `${job.modelName} · ${job.id}` : job.modelName;
}

function series(jobs, member) {
    return jobs.map((job) => ({ name: nameOf(job, jobs), points: points(job.results, member) }));
}

const HEADS = [['Job'], ['Network'], ['State'], ['Epochs', 'number'], ['Best test accuracy', 'number'],
    ['At the end', 'number'], ['Time', 'number']];

/* What stands under HEADS, but for the first. */
function told(job) {
    const best = bestResult(job.results);
    const last = job.results[job.results.length - 1];
    const seconds = job.started ? ((job.ended ?? Date.now()) - job.started) / 1000 : NaN;
    return [networkName(job.modelType), job.state, `${count(job.results.length)} of ${count(job.epochs)}`,
        percent(best?.test_accuracy) + (best ? ` (epoch ${count(best.epoch)})` : ''), percent(last?.test_accuracy),
        duration(seconds)];
}

function row(job, jobs) {
    const rest = jobs.filter((one) => one !== job).map((one) => one.id);
    return h('tr', {},
        h('th', { scope: 'row' }, h('span', { class: `key series-${jobs.indexOf(job) + 1}`, 'aria-hidden': 'true' }),
            h('a', { href: href('jobs', job.id) }, nameOf(job, jobs))),
        HEADS.slice(1).map(([, kind]) => h('td', { class: kind })),
        h('td', {}, rest.length > 1 ? h('a', { href: href('compare', rest.join(',')),
            'aria-label': `Leave out ${nameOf(job, jobs)}` }, 'Leave out') : ''));
}

/* {element, update(jobs)}. A row stays where it is, and with it the focus on its links. */
function table() {
    const body = h('tbody', {});
    const element = h('div', { class: 'scroll', tabindex: 0, role: 'region', 'aria-label': 'Jobs compared' },
        h('table', { class: 'class-table', 'aria-label': 'Jobs compared' },
            h('thead', {}, h('tr', {}, HEADS.map(([head, kind]) => h('th', { scope: 'col', class: kind }, head)),
                h('td', {}))),
            body));
    return {
        element,
        update: (jobs) => keyed(body, jobs, (job) => job.id, (job) => row(job, jobs),
            (line, job) => told(job).forEach((words, i) => text(line.cells[i + 1], words))),
    };
}

/* The plots and the table of jobs that are known, and `missing`, what is said of others: {update(jobs), close()}. */
function view(main, ids, jobs, missing) {
    const accuracy = linePlot({ label: 'Test accuracy', series: series(jobs, 'test_accuracy'), yMin: 0, yMax: 100,
        unit: ' %', places: 1 });
    const loss = linePlot({ label: 'Test loss', series: series(jobs, 'test_loss'), yMin: 0 });
    const rows = table();
    const choice = compareChoice(ids);
    fill(main, h('div', { class: 'page-head' }, h('h1', {}, `Compare ${plural(jobs.length, 'job')}`), choice.element),
        missing,
        h('div', { class: 'curves' }, plotFigure('Test accuracy', accuracy), plotFigure('Test loss', loss)),
        h('div', {}, rows.element));
    choice.update(true);
    rows.update(jobs);
    return {
        update(next) {
            accuracy.update(series(next, 'test_accuracy'));
            loss.update(series(next, 'test_loss'));
            rows.update(next);
            choice.update(true);
        },
        refresh: () => choice.update(true),
        close() {
            accuracy.close();
            loss.close();
        },
    };
}

export function open(main, params) {
    const ids = [...new Set(params.ids.split(',').filter(Boolean))].slice(0, MOST);
    let shown = null;
    let shownIds = null; /* nothing yet */
    let closed = false;
    let turn = 0;
    let jobs = [];
    const missing = retry(load);

    /* One that cannot be had now stays as it was. */
    async function load() {
        const mine = ++turn;
        const answers = await Promise.allSettled(ids.map((id) => get(path('jobs', id))));
        if (closed || mine !== turn)
            return;
        const former = new Map(jobs.map((job) => [job.id, job]));
        const known = answers.map(({ value }, i) => value ?? former.get(ids[i]));
        jobs = known.filter(Boolean);
        tell(answers);
        show();
    }

    function tell(answers) {
        const failures = answers.map(({ reason }, i) => ({ reason, id: ids[i] })).filter(({ reason }) => reason);
        const first = failures.find(({ reason }) => mayComeYet(reason)) ?? failures[0];
        const line = ({ reason, id }) => `Job ${id} ${jobs.some((job) => job.id === id) ? 'is shown as it was' :
            'cannot be shown'}: ${reason.message}.`;
        if (!first)
            missing.done();
        else
            missing.failed(first.reason, jobs.length ? failures.map(line).join(' ') :
                `None of them can be shown: ${first.reason.message}.`);
    }

    /* Made anew where another one came or could not be had at first. */
    function show() {
        const wanted = jobs.map((job) => job.id).join(',');
        if (wanted === shownIds) {
            shown?.update(jobs);
            return;
        }
        shown?.close();
        shown = jobs.length ? view(main, ids, jobs, missing.element) : null;
        shownIds = wanted;
        if (!shown)
            fill(main, h('h1', {}, 'Compare'), missing.element, ids.length ?
                h('p', {}, buttonLink('All jobs', '#/jobs')) :
                empty('The address names no job, as #/compare/7,9 would.', { href: '#/jobs', text: 'All jobs' }));
    }

    title('Compare');
    fill(main, h('h1', {}, 'Compare'), h('p', { class: 'muted' }, 'Asks the broker…'));
    load();
    /* A new result is worth drawing anew; progress within an epoch is not. */
    const stop = watch(['job', 'live'], (changes) => {
        const moved = jobs.some((job) => {
            const now = store.jobs.get(job.id);
            return changes.get('job')?.has(job.id) && now && !isOver(job) && (now.state !== job.state
                || (now.result?.epoch ?? 0) > (job.results[job.results.length - 1]?.epoch ?? 0));
        });
        if (moved)
            load();
        else
            shown?.refresh();
    });
    return () => {
        closed = true;
        stop();
        missing.close();
        shown?.close();
    };
}
