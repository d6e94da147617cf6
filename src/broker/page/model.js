/* One model: how good it is, where it is, what it came from, its files. */
import { ApiError, get } from './api.js';
import { bestResult, savedResult } from './curves.js';
import { fill, h, keyed } from './dom.js';
import { bytes, count, duration, percent, plural, rate } from './format.js';
import { downloadList } from './downloads.js';
import { figures } from './figures.js';
import { jobRows } from './job_rows.js';
import { deleteModel } from './model_delete.js';
import { versionsNotice } from './model_versions.js';
import { report } from './reports.js';
import { retry } from './retry.js';
import { href, title } from './router.js';
import { holders, nodeState, store, watch } from './store.js';
import { networkName } from './train_request.js';
import { button, buttonLink, empty, noticePlace, notice, setState, stateMark } from './ui.js';

const JOBS = 10;

function fact(name, value) {
    return value === null || value === undefined ? null : [h('dt', {}, name), h('dd', {}, value)];
}

function facts(model) {
    return h('dl', { class: 'facts' }, fact('Network', model.type && networkName(model.type)),
        fact('Photos are seen at', model.imageSize ? `${model.imageSize} × ${model.imageSize} pixels` : null),
        fact('Size', model.bytes ? bytes(model.bytes) : null),
        fact('SHA-256', model.sha256 ? h('code', {}, model.sha256) : null));
}

/* A report is what a node wrote: it may be of another shape. */
function listOf(value) {
    return Array.isArray(value) ? value : [];
}

/* How much of each class it found, the least first. */
function classBars(perClass) {
    const worst = [...perClass].sort((a, b) => a.recall - b.recall);
    const item = (one) => {
        const bar = h('span', { class: 'bar-fill' });
        bar.style.setProperty('--part', String(one.recall));
        return h('li', {}, h('span', { title: one.class }, one.class),
            h('span', { class: 'bar-track', 'aria-hidden': 'true' }, bar),
            h('span', { class: 'number' }, percent(100 * one.recall)));
    };
    return [h('h2', {}, 'Found of each class'),
        h('p', { class: 'muted' }, 'The share of its test photos that it answered rightly, the least first.'),
        h('ul', { class: 'class-bars' }, worst.map(item))];
}

function nodesList() {
    const list = h('ul', { class: 'stack' });
    return {
        element: list,
        update: (nodes) => keyed(list, nodes, (node) => node.name,
            (node) => h('li', { class: 'spread' }, h('a', { href: href('nodes', node.name) }, node.name),
                stateMark('idle')),
            (item, node) => setState(item.lastChild, nodeState(node))),
    };
}

function classChips(classes) {
    if (!classes?.length)
        return null; /* an older node does not tell */
    return [h('h2', {}, plural(classes.length, 'class', 'classes')),
        h('ul', { class: 'chips' }, classes.map((name) => h('li', {}, name)))];
}

/* What is shown of a model is made anew when this changes; its job may be told later than the model. */
function versionOf(model) {
    return `${model.sha256} ${model.job} ${model.versions.length}`;
}

function reportLink(model) {
    return model.job ? h('p', {}, h('a', { href: href('jobs', model.job) }, `Report of job ${model.job}`)) : null;
}

/* The parts of the view for a model that is known. */
function view(main, name) {
    const place = noticePlace();
    const versions = h('div', { class: 'notice-place' });
    const told = figures(['Test accuracy', 'Best epoch', 'Training time', 'Images a second']);
    const body = h('div', { class: 'two' });
    const classes = h('section', { class: 'stack' });
    const nodes = nodesList();
    const rows = jobRows();
    let jobs = [];
    let shown = null;
    let closed = false; /* or the model was deleted */
    const missing = retry(() => store.models.has(name) && showReport(store.models.get(name)));
    const missingJobs = retry(showJobs);
    const listed = showJobs();

    fill(main,
        h('p', { class: 'crumb' }, h('a', { href: '#/models' }, 'Models')),
        h('div', { class: 'page-head' }, h('h1', {}, name), h('div', { class: 'row' },
            button('Delete', onDelete, 'danger'),
            buttonLink('Try it', `#/classify?model=${encodeURIComponent(name)}`, 'primary'))),
        place.element, versions, told.element, missing.element, body,
        h('section', { class: 'stack' }, h('h2', {}, 'Jobs that made it'), missingJobs.element,
            rows.element), classes);

    async function onDelete() {
        if (!await deleteModel(name, place))
            return;
        close();
        fill(main, h('h1', {}, name), place.element, h('p', {}, buttonLink('All models', '#/models')));
        place.element.nextSibling.firstChild.focus();
    }

    async function showReport(model) {
        let answer = null;
        let failure = null;
        try {
            answer = await report(model);
        } catch (error) {
            failure = error;
        }
        if (closed || shown !== versionOf(model))
            return;
        /* A model that was put there by hand has none. */
        if (failure instanceof ApiError && failure.status !== 404)
            missing.failed(failure, `Its report cannot be had: ${failure.message}.`);
        else
            missing.done();
        const results = listOf(answer?.results);
        const best = bestResult(results);
        told.set('Test accuracy', percent(savedResult(results, answer)?.test_accuracy));
        told.set('Best epoch', best ? `${best.epoch} of ${count(answer.epochs)}` : '–');
        told.set('Training time', duration(answer?.total_training_time));
        told.set('Images a second', rate(answer?.images_per_second).replace(' images/s', ''));
        const perClass = listOf(answer?.per_class);
        await listed; /* the jobs stand above */
        if (shown !== versionOf(model))
            return;
        fill(classes, perClass.length ? classBars(perClass) : classChips(model.classes));
    }

    async function showJobs() {
        try {
            jobs = (await get(`/jobs?limit=${JOBS}&model=${encodeURIComponent(name)}`)).jobs;
            missingJobs.done();
        } catch (error) {
            missingJobs.failed(error, `Older ones cannot be had: ${error.message}.`); /* the stream's are shown */
        }
        update();
    }

    function update() {
        const model = store.models.get(name);
        if (closed)
            return;
        const known = new Map(jobs.map((job) => [job.id, store.jobs.get(job.id) ?? job]));
        for (const job of store.jobs.values())
            if (job.modelName === name)
                known.set(job.id, job);
        rows.update([...known.values()].sort((a, b) => Number(b.id) - Number(a.id)).slice(0, JOBS));
        nodes.update(holders(name));
        const version = model ? versionOf(model) : 'none';
        if (version === shown)
            return;
        shown = version;
        if (!model) {
            fill(versions, notice('warning', 'This model is not there any more.'));
            missing.done();
            return;
        }
        fill(versions, versionsNotice(model.versions));
        fill(body, h('section', { class: 'stack' }, h('h2', {}, 'Files'), downloadList(name), facts(model)),
            h('section', { class: 'stack' }, h('h2', {}, 'Nodes that have it'), nodes.element, reportLink(model)));
        showReport(model);
    }

    function close() {
        closed = true;
        missing.close();
        missingJobs.close();
    }

    return { update, close };
}

export function open(main, { name }) {
    let shown = null;
    title(name);

    function onChange() {
        if (!shown && store.models.has(name))
            shown = view(main, name);
        else if (!shown && store.ready && !main.childElementCount)
            fill(main, h('h1', {}, name),
                empty('There is no model of that name.', { href: '#/models', text: 'All models' }));
        shown?.update();
    }

    const stop = watch(['model', 'node', 'job', 'live'], onChange);
    onChange();
    return () => {
        stop();
        shown?.close();
    };
}
