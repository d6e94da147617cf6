/* What a node would train on: its classes with their counts and six photos each, and what of its folder it cannot read
 * or leaves out. Where a node does not show its photos (an older one, or one started with --no-thumbnails), the counts
 * that it announced are all there is. */
import { get, path, url } from './api.js';
import { fill, h } from './dom.js';
import { count, plural } from './format.js';
import { nodeCommand, portHint } from './node_command.js';
import { photosText } from './node_choice.js';
import { openViewer } from './photo_viewer.js';
import { store, watch } from './store.js';
import { button, photo } from './ui.js';

const CLASSES_AT_ONCE = 24;
const SIZE = 72; /* of a thumbnail; screens of twice the density get twice the pixels */

/* The address of a photo of a node's dataset. */
export function photoUrl(node, split, index, width) {
    return url(`${path('nodes', node, 'image')}?${new URLSearchParams({ split, index, width })}`);
}

/* {name, split, samples, counts: [[split, images], …]} a class. */
function byClass(dataset) {
    const classes = new Map(dataset.classes.map((name) => [name, { name, split: '', samples: [], counts: [] }]));
    for (const split of dataset.splits) {
        for (const { name, images, samples } of split.classes) {
            const held = classes.get(name);
            held?.counts.push([split.name, images]);
            if (held && !held.samples.length && samples?.length)
                Object.assign(held, { split: split.name, samples });
        }
    }
    return [...classes.values()];
}

function thumbnails(dataset, one) {
    const photos = one.samples.map((index, i) => ({
        url: (width) => photoUrl(dataset.node, one.split, index, width),
        title: `${one.name}, photo ${i + 1}`,
    }));
    return photos.map((shown, i) => h('button', { type: 'button', class: 'thumb', 'aria-label': shown.title,
        on: { click: () => openViewer(photos, i) } }, photo(shown.url(2 * SIZE), '', SIZE)));
}

function classItem(dataset, one) {
    const counts = one.counts.map(([split, images]) => `${count(images)} ${split}`).join(' · ');
    return h('li', { class: 'dataset-class' },
        h('p', { class: 'spread' }, h('strong', {}, one.name), h('span', { class: 'muted small' }, counts)),
        h('div', { class: 'strip' }, thumbnails(dataset, one)));
}

function classList(dataset) {
    const classes = byClass(dataset);
    const list = h('ul', { class: 'dataset-classes' });
    const more = button('', add);
    let shown = 0;

    function add() {
        list.append(...classes.slice(shown, shown + CLASSES_AT_ONCE).map((one) => classItem(dataset, one)));
        shown = Math.min(classes.length, shown + CLASSES_AT_ONCE);
        more.hidden = shown === classes.length;
        fill(more, `Show more classes (${count(classes.length - shown)})`);
    }

    add();
    return [list, more];
}

function sum(dataset) {
    const use = { train: 'to train on', test: 'to test on' };
    const splits = dataset.splits.map(({ name, images }) => `${count(images)} ${use[name] ?? `in ${name}`}`);
    const whose = dataset.source === 'broker' ? `${dataset.node} fetches the broker’s images` : `on ${dataset.node}`;
    return h('p', {}, splits.join(', '), h('span', { class: 'muted' }, ` · ${whose}`));
}

/* What is not trained on; null where that is nothing. */
function missing(list, one, many) {
    if (!list?.count)
        return null;
    const first = list.first ?? [];
    return h('details', { class: 'fold' }, h('summary', {}, plural(list.count, one, many)),
        h('ul', { class: 'paths' }, first.map((entry) =>
            h('li', {}, h('code', {}, entry.path), h('span', { class: 'muted' }, ` ${entry.reason}`)))),
        list.count > first.length ? h('p', { class: 'muted' }, `and ${count(list.count - first.length)} more`) : null);
}

function whole(dataset) {
    return [
        h('div', { class: 'dataset-sum' }, sum(dataset),
            missing(dataset.unreadable, 'photo cannot be read', 'photos cannot be read'),
            missing(dataset.leftOut, 'entry is left out', 'entries are left out')),
        classList(dataset),
    ];
}

/* While the answer is under way the room that it takes is kept. */
function outline(node) {
    const boxes = () => Array.from({ length: 6 }, () => h('span', { class: 'photo' }));
    const rows = Math.min(node.dataset?.classes ?? 4, CLASSES_AT_ONCE);
    return [h('div', { class: 'dataset-sum' }, h('p', { class: 'muted' }, `Looks at the photos on ${node.name}…`)),
        h('ul', { class: 'dataset-classes', 'aria-hidden': 'true' }, Array.from({ length: rows }, () =>
            h('li', { class: 'dataset-class' }, h('p', {}, '\u00a0'), h('div', { class: 'strip' }, boxes()))))];
}

function countsAlone(node, error, again) {
    return [h('p', {}, photosText(node), h('span', { class: 'muted' }, ` · on ${node.name}`)),
        h('p', { class: 'muted' }, `They are not shown: ${error.message}.`),
        h('div', {}, button('Try again', again, 'small'))];
}

function howToBegin() {
    return [
        h('p', {}, 'No node is connected. Photos lie on nodes, in a folder for each class:'),
        h('pre', { class: 'command' }, 'photos/train/cow/1.jpg\nphotos/train/duck/1.jpg\n'
            + 'photos/test/cow/2.jpg\nphotos/test/duck/2.jpg'),
        h('p', {}, 'This starts a node that trains on them:'),
        h('pre', { class: 'command' }, nodeCommand('--data-dir photos')),
        h('p', { class: 'muted' }, `${portHint}. A training that is started now waits until one is here.`),
    ];
}

/* {element, show(node, areNodes), forget(), close()}: `node` is undefined where it is open which one trains; what was
 * asked of one before forget() is asked again when it is shown again, though it tells of the same dataset. */
export function datasetStrip() {
    const body = h('div', { class: 'stack dataset-body' });
    const element = h('section', { class: 'dataset', 'aria-labelledby': 'dataset-title' },
        h('h2', { id: 'dataset-title' }, 'The photos'), body);
    let key = null;
    let aborter = null;
    let again = null; /* asks once more, where that failed */
    const stop = watch(['live'], () => store.live && again?.());

    async function ask(node) {
        const { signal } = aborter = new AbortController();
        again = null;
        fill(body, outline(node));
        try {
            const dataset = await get(path('nodes', node.name, 'dataset'), { signal });
            fill(body, whole(dataset));
        } catch (error) {
            if (signal.aborted)
                return;
            again = () => ask(node); /* also one that shows none: it may do so when it was started anew */
            fill(body, countsAlone(node, error, again));
        }
    }

    return {
        element,
        show(node, areNodes) {
            const wanted = node ? `${node.name} ${JSON.stringify(node.dataset ?? null)}` : `none ${areNodes}`;
            if (wanted === key)
                return;
            key = wanted;
            again = null;
            aborter?.abort();
            if (node)
                ask(node);
            else
                fill(body, areNodes ? h('p', { class: 'muted' }, 'Those of the node that takes it. Choose a node to '
                    + 'see its photos.') : howToBegin());
        },
        forget() {
            key = null;
        },
        close() {
            stop();
            aborter?.abort();
        },
    };
}
