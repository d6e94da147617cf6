/* All trainings that the broker remembers, the newest first. The event stream has those under way and the newest that
 * are over; older ones are asked for a page at a time when one turns to them, and all of them where one sorts or
 * looks for something. */
import { get } from './api.js';
import { attribute, h, text } from './dom.js';
import { count, duration, plural, setAgo } from './format.js';
import { placesTabs } from './places_tabs.js';
import { cancelJob } from './job_end.js';
import { retry } from './retry.js';
import { href, title } from './router.js';
import { isOver, jobFraction, store, watch } from './store.js';
import { table } from './table.js';
import { networkName } from './train_request.js';
import { button, empty, noticePlace, setState, stateMark } from './ui.js';

const STEP = 100, STEP_ALL = 1000; /* the broker's most */
const BY_NUMBER = 0;
const states = ['queued', 'starting', 'running', 'ending', 'completed', 'failed', 'cancelled'];

function seconds(job) {
    return job.started ? ((job.ended ?? Date.now()) - job.started) / 1000 : null;
}

function columns(place) {
    return [
        { title: 'Job', number: true, wide: true, sort: (job) => Number(job.id), make: () => h('a', {}),
            update: (cell, job) => {
                attribute(cell.firstChild, 'href', href('jobs', job.id));
                text(cell.firstChild, job.id);
            } },
        { title: 'Model', class: 'main', sort: (job) => job.modelName, make: () => h('a', {}),
            update: (cell, job) => {
                attribute(cell.firstChild, 'href', href('jobs', job.id));
                text(cell.firstChild, job.modelName);
            } },
        { title: 'Network', wide: true, sort: (job) => job.modelType,
            update: (cell, job) => text(cell, networkName(job.modelType)) },
        { title: 'Node', wide: true, class: 'short', sort: (job) => (job.nodes ?? []).join(', '),
            update: (cell, job) => {
                text(cell, (job.nodes ?? []).join(', ') || '–');
                attribute(cell, 'title', cell.textContent);
            } },
        { title: 'State', sort: (job) => states.indexOf(job.state), make: () => stateMark('queued'),
            update: (cell, job) => {
                setState(cell.firstChild, job.state);
                attribute(cell, 'title', job.error ?? job.reason ?? null);
            } },
        { title: 'Epochs', number: true, sort: (job) => job.epoch,
            make: () => h('span', { class: 'epochs' }, h('span', {}),
                h('span', { class: 'bar-track', 'aria-hidden': 'true' }, h('span', { class: 'bar-fill' }))),
            update: (cell, job) => {
                const [words, track] = cell.firstChild.children;
                text(words, `${count(job.epoch)}/${count(job.epochs)}`);
                attribute(track, 'data-on', isOver(job) ? null : 'yes');
                track.firstChild.style.setProperty('--part', String(jobFraction(job)));
            } },
        { title: 'Took', number: true, wide: true, sort: seconds,
            update: (cell, job) => text(cell, duration(seconds(job) ?? undefined)) },
        { title: 'Asked for', wide: true, sort: (job) => job.created, make: () => h('time', {}),
            update: (cell, job) => setAgo(cell.firstChild, job.created) },
        { title: 'Actions', hidden: true, class: 'actions', make: () => button('Cancel', (event) =>
            cancelJob(event.currentTarget.dataset.job, place), 'small danger'),
            update: (cell, job) => {
                const cancel = cell.firstChild;
                cancel.dataset.job = job.id;
                attribute(cancel, 'aria-label', `Cancel job ${job.id}`);
                attribute(cancel, 'data-off', isOver(job) ? 'yes' : null);
                cancel.disabled = isOver(job) || job.state === 'ending' || !store.jobs.has(job.id);
            } },
    ];
}

/* The jobs that the stream does not tell of: {all(): what is known, more: how many are not loaded, load(step)}. */
function olderJobs() {
    const older = new Map();
    let loading = null;
    const self = { more: 0, before: null, started: false };

    self.all = () => {
        const all = new Map(older);
        for (const [id, job] of store.jobs)
            all.set(id, job);
        return [...all.values()];
    };
    self.load = (step) => {
        loading ??= ask(step).finally(() => {
            loading = null;
        });
        return loading;
    };

    async function ask(step) {
        const before = self.before ? `&before=${encodeURIComponent(self.before)}` : '';
        const page = await get(`/jobs?limit=${step}${before}`);
        for (const job of page.jobs)
            older.set(job.id, job);
        self.before = page.next ?? null;
        self.more = page.next ? page.more : 0;
    }

    return self;
}

export function open(main) {
    const place = noticePlace();
    const jobs = olderJobs();
    const missing = retry(begin, 'error');
    let closed = false;
    const find = h('input', { type: 'search', placeholder: 'Model, network or node', 'aria-label': 'Find jobs',
        on: { input: onFind } });
    const state = h('select', { 'aria-label': 'State', on: { change: onFind } },
        h('option', { value: '' }, 'Any state'),
        states.map((name) => h('option', { value: name }, name)));
    const list = table({ label: 'Jobs', columns: columns(place), key: (job) => job.id,
        sorted: { column: BY_NUMBER, up: false }, words: (number) => plural(number, 'job'),
        load: () => loadSafely(STEP), changed: needAll });
    const none = empty('Each training is a job. There is none yet.', { href: '#/train', text: 'Train' });
    none.hidden = list.element.hidden = true;

    function wanted(job) {
        const words = find.value.trim().toLowerCase();
        const told = [job.id, job.modelName, job.modelType, ...(job.nodes ?? [])].join(' ').toLowerCase();
        return (!state.value || job.state === state.value) && told.includes(words);
    }

    async function loadSafely(step) {
        try {
            await jobs.load(step);
            missing.done();
        } catch (error) {
            missing.failed(error, `Older jobs cannot be had: ${error.message}.`);
            throw error;
        } finally {
            update();
        }
    }

    /* Sorting and finding are about all jobs. */
    async function needAll({ column, up } = list.sorted) {
        const whole = column === BY_NUMBER && !up && !find.value && !state.value;
        try {
            while (!whole && !closed && jobs.more)
                await loadSafely(STEP_ALL);
            list.release();
        } catch {
            /* It is said. */
        }
    }

    function begin() {
        loadSafely(STEP).then(() => needAll(), () => {}); /* it is said */
    }

    function onFind() {
        list.sorted.page = 0;
        update();
        needAll();
    }

    function update() {
        if (closed || !store.ready)
            return;
        const all = jobs.all();
        none.hidden = all.length + jobs.more > 0;
        list.element.hidden = tools.hidden = !none.hidden;
        list.update(all.filter(wanted), find.value || state.value ? 0 : jobs.more);
    }

    const tools = h('div', { class: 'row tools' }, find, state);
    title('Jobs');
    main.append(placesTabs('jobs'), place.element, missing.element, tools, list.element, none);
    const stop = watch(['job', 'live'], update);
    begin();
    update();
    return () => {
        closed = true;
        stop();
        missing.close();
    };
}
