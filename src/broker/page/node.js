/* One node: what it is, how busy, what it has, and the photos that it trains on. */
import { datasetStrip } from './dataset_strip.js';
import { attribute, fill, h, keyed, text } from './dom.js';
import { figures } from './figures.js';
import { count, date, memory, percent } from './format.js';
import { jobRows } from './job_rows.js';
import { cpuPart, memoryPart, memoryWords } from './node_card.js';
import { href, title } from './router.js';
import { nodeState, store, watch } from './store.js';
import { buttonLink, empty, notice, setState, stateMark } from './ui.js';

const JOBS = 10;

function jobsOf(name) {
    return [...store.jobs.values()].filter((job) => job.nodes?.includes(name))
        .sort((a, b) => Number(b.id) - Number(a.id)).slice(0, JOBS);
}

function loadBar(label) {
    const bar = h('span', { class: 'bar-fill' });
    const words = h('span', {});
    return {
        element: h('div', { class: 'load' }, h('p', { class: 'spread' }, h('span', { class: 'muted' }, label), words),
            h('span', { class: 'bar-track', 'aria-hidden': 'true' }, bar)),
        set(part, told) {
            bar.style.setProperty('--part', String(Math.min(1, Math.max(0, part ?? 0))));
            text(words, told);
        },
    };
}

function view(main, name) {
    const state = stateMark('idle');
    const away = h('div', { class: 'notice-place' });
    const told = figures(['Cores', 'Memory', 'Waiting', 'Photos classified']);
    const cpu = loadBar('CPU'), used = loadBar('Memory');
    const models = h('ul', { class: 'chips' });
    const noModels = h('p', { class: 'muted' }, 'None yet.');
    const rows = jobRows();
    const noJobs = h('p', { class: 'muted' }, 'None yet.');
    const photos = datasetStrip();
    const train = buttonLink('Train here', `#/train?node=${encodeURIComponent(name)}`, 'primary');
    const machine = h('p', { class: 'muted' });

    fill(main,
        h('p', { class: 'crumb' }, h('a', { href: '#/' }, 'Cluster')),
        h('div', { class: 'page-head' }, h('div', { class: 'row node-title' }, h('h1', {}, name), state), train),
        h('div', { class: 'under-head' }, machine), away, told.element,
        h('section', { class: 'two', 'aria-label': 'Load' }, cpu.element, used.element),
        h('section', { class: 'stack' }, h('h2', {}, 'Models'), noModels, models),
        h('section', { class: 'stack' }, h('h2', {}, 'Trainings'), noJobs, rows.element),
        photos.element);

    function update(node) {
        const load = store.load.get(name), word = nodeState(node);
        setState(state, word);
        attribute(train, 'hidden', node.gone ? true : null);
        text(machine, [node.cpu, node.version && `dcls ${node.version}`].filter(Boolean).join(' · ') ||
            'A node of another program: it tells no more than its name and its models.');
        if (Boolean(node.gone) !== away.hasChildNodes())
            fill(away, node.gone ? notice('warning', `Not connected${node.lost ? ` since ${date(node.lost)}` : ''}. ` +
                'It comes back by itself when it runs and reaches the broker.') : null);
        told.set('Cores', count(node.cores));
        told.set('Memory', memory(node.memory));
        told.set('Waiting', count(load?.queue));
        told.set('Photos classified', count(load?.inferences));
        cpu.set(cpuPart(load), cpuPart(load) === null ? '–' : percent(100 * cpuPart(load), 0));
        used.set(memoryPart(node, load), memoryPart(node, load) === null ? '–' : memoryWords(node, load));
        keyed(models, [...node.models ?? []].sort(), (model) => model,
            (model) => h('li', {}, h('a', { href: href('models', model) }, model)));
        noModels.hidden = node.models?.length > 0;
        const jobs = jobsOf(name);
        rows.update(jobs);
        noJobs.hidden = jobs.length > 0;
        if (node.gone)
            photos.forget();
        else
            photos.show(node, true);
    }

    return { update, close: photos.close };
}

export function open(main, { name }) {
    let shown = null;
    title(name);

    function onChange() {
        const node = store.nodes.get(name);
        if (!node && store.ready && !shown && !main.childElementCount)
            fill(main, h('h1', {}, name),
                empty('No node of that name is connected.', { href: '#/', text: 'To the cluster' }));
        if (!node)
            return;
        shown ??= view(main, name);
        shown.update(node);
    }

    const stop = watch(['node', 'job', 'load', 'live'], onChange);
    onChange();
    return () => {
        stop();
        shown?.close();
    };
}
