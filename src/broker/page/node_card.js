/* A node as it stands in the picture of the cluster: a link whose parts are brought up to date. The full card is one of
 * a few; a tile, with the state and one bar, is one of many. */
import { attribute, h, text } from './dom.js';
import { count, decimal, memory, percent, plural } from './format.js';
import { photosText } from './node_choice.js';
import { href } from './router.js';
import { isTraining, percentOf } from './job_progress.js';
import { jobFraction, jobOf, nodeState, store } from './store.js';
import { setState, stateMark } from './ui.js';

const clock = new Intl.DateTimeFormat(undefined, { timeStyle: 'short' });

function meter(word) {
    const value = h('span', { class: 'meter-value' });
    const bar = h('span', { class: 'bar-fill' });
    const element = h('span', { class: 'meter' }, h('span', { class: 'meter-word' }, word),
        h('span', { class: 'bar-track', 'aria-hidden': 'true' }, bar), value);
    return {
        element,
        set(part, words) {
            attribute(element, 'data-known', part === null ? 'no' : null);
            bar.style.setProperty('--part', String(Math.min(1, Math.max(0, part ?? 0))));
            text(value, words);
        },
    };
}

/* A node that does not tell how many photos it has is no node without any. */
function photosWords(node) {
    const images = node.dataset?.images;
    if (images === 0)
        return 'no photos yet';
    return images > 0 ? plural(images, 'photo') : photosText(node);
}

/* What it does now, in one line. */
function doing(node, job) {
    if (node.gone)
        return node.lost ? `away since ${clock.format(node.lost)}` : 'away';
    if (job)
        return `${isTraining(job) ? percentOf(job) : job.state} · ${job.modelName}`;
    const photos = photosWords(node);
    return node.models?.length ? `${photos} · ${plural(node.models.length, 'model')}` : photos;
}

/* The share of the machine's cores that is busy, and of its memory; null: it does not tell. */
export function cpuPart(load) {
    return load?.cpu === undefined ? null : load.cpu / 100;
}

export function memoryPart(node, load) {
    return load?.memoryUsed === undefined || !node.memory ? null : load.memoryUsed / node.memory;
}

export function memoryWords(node, load) {
    const all = memory(node.memory);
    return memoryPart(node, load) === null ? all : `${decimal(load.memoryUsed / 2 ** 30, 1)} of ${all}`;
}

function coresWords(node) {
    return node.cores ? plural(node.cores, 'core') : '–';
}

function queueWords(load) {
    return load?.queue > 0 ? `${count(load.queue)} waiting` : '';
}

export function nodeCard(node) {
    const name = h('strong', { class: 'node-name' }, node.name);
    const state = stateMark('idle');
    const line = h('span', { class: 'node-doing' });
    const queue = h('span', { class: 'node-queue' });
    const bar = h('span', { class: 'bar-fill' });
    const job = h('span', { class: 'bar-track node-job', 'aria-hidden': 'true' }, bar);
    const cpu = meter('CPU'), used = meter('Memory');
    const element = h('a', { class: 'node-card', href: href('nodes', node.name) },
        h('span', { class: 'node-head' }, name, state), h('span', { class: 'node-line' }, line, queue), job,
        cpu.element, used.element);

    function update(now) {
        const load = store.load.get(now.name), its = jobOf(now), word = nodeState(now);
        attribute(element, 'data-state', word);
        setState(state, word);
        text(line, doing(now, its));
        attribute(line, 'title', line.textContent);
        attribute(element, 'aria-label', `${now.name}, ${word}, ${line.textContent}`);
        text(queue, queueWords(load));
        attribute(job, 'data-on', its ? 'yes' : null);
        bar.style.setProperty('--part', String(its ? jobFraction(its) : 0));
        const part = cpuPart(load), share = memoryPart(now, load);
        cpu.set(part, part === null ? coresWords(now) : percent(100 * part, 0));
        used.set(share, share === null ? memory(now.memory) : memory(load.memoryUsed));
        attribute(used.element, 'title', memoryWords(now, load));
    }

    update(node);
    return { element, update };
}

export function nodeTile(node) {
    const state = stateMark('idle');
    const bar = h('span', { class: 'bar-fill' });
    const element = h('a', { class: 'node-tile', href: href('nodes', node.name) },
        h('span', { class: 'node-head' }, h('strong', { class: 'node-name' }, node.name), state),
        h('span', { class: 'bar-track', 'aria-hidden': 'true' }, bar));

    function update(now) {
        const load = store.load.get(now.name), its = jobOf(now), word = nodeState(now);
        attribute(element, 'data-state', word);
        attribute(element, 'title', doing(now, its));
        attribute(element, 'aria-label', `${now.name}, ${word}, ${element.title}`);
        setState(state, word, its ? percentOf(its) : word);
        bar.style.setProperty('--part', String(its ? jobFraction(its) : (load?.cpu ?? 0) / 100));
    }

    update(node);
    return { element, update };
}
