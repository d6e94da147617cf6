/* The first view: what is there, what it does, and the one thing to do next. */
import { clusterMap } from './cluster_map.js';
import { copyButton } from './copy_button.js';
import { fill, h, text } from './dom.js';
import { count, plural } from './format.js';
import { jobRows } from './job_rows.js';
import { nodeCommand, portHint } from './node_command.js';
import { title } from './router.js';
import { liveJobs, store, watch } from './store.js';
import { buttonLink } from './ui.js';

const NEWEST = 5; /* trainings below the picture, beside those that are not over */

function connected() {
    return [...store.nodes.values()].filter((node) => !node.lost);
}

function summaryText() {
    const nodes = connected(), jobs = liveJobs();
    const cores = nodes.reduce((sum, node) => sum + (node.cores ?? 0), 0);
    const running = jobs.filter((job) => job.state !== 'queued').length;
    const waiting = jobs.length - running;
    return [plural(nodes.length, 'node'), cores && plural(cores, 'core'), running && `${count(running)} training`,
        waiting && `${count(waiting)} waiting`].filter(Boolean).join(' · ');
}

function noNode() {
    const command = h('code', { class: 'next-command' }, nodeCommand());
    return [h('div', { class: 'next-words' }, h('h2', {}, 'No node is connected'),
        h('p', {}, 'A node is a machine that trains and classifies. Start one on this machine or on another:'),
        h('p', { class: 'row' }, command, copyButton(() => nodeCommand(), 'Copy the command')),
        h('p', { class: 'muted small' }, `${portHint}, and --data-dir for the folder of its photos.`))];
}

/* The node whose photos are most. */
function bestDataset() {
    return connected().reduce((best, node) => (node.dataset?.images ?? 0) > (best?.images ?? 0) ? node.dataset : best,
        null);
}

function noPhotos() {
    return [h('div', { class: 'next-words' }, h('h2', {}, 'There are no photos yet'),
        h('p', {}, 'Put some into the broker’s folder of images, in a folder for each class: ',
            h('code', {}, 'images/train/cow/1.jpg'), ', ', h('code', {}, 'images/test/cow/2.jpg'), '.')),
        buttonLink('How to train', '#/train', 'big')];
}

function trainNext(dataset) {
    const classify = store.models.size > 0;
    return [h('div', { class: 'next-words' },
        h('h2', {}, `Train on the ${plural(dataset.images, 'photo')} that are there`),
        h('p', { class: 'muted' }, `In ${plural(dataset.classes, 'class', 'classes')}, on your own machines.`)),
    h('div', { class: 'row' }, classify ? buttonLink('Classify a photo', '#/classify', 'big') : null,
        buttonLink('Train', '#/train', 'primary big'))];
}

/* The place for what to do next. It is made anew only when what it says is another thing, so that focus stays. */
function nextThing() {
    const element = h('section', { class: 'next', 'aria-label': 'What to do next' });
    let said = null;
    return {
        element,
        update() {
            const dataset = bestDataset();
            const what = !connected().length ? 'node' : !dataset ? 'photos' :
                `train ${dataset.images} ${dataset.classes} ${store.models.size > 0}`;
            if (what === said)
                return;
            said = what;
            fill(element, what === 'node' ? noNode() : what === 'photos' ? noPhotos() : trainNext(dataset));
        },
    };
}

export function open(main) {
    const summary = h('p', { class: 'muted', role: 'status' });
    const next = nextThing();
    const map = clusterMap();
    const rows = jobRows();
    const trainings = h('section', { class: 'stack', 'aria-labelledby': 'trainings' },
        h('div', { class: 'spread' }, h('h2', { id: 'trainings' }, 'Trainings'),
            h('a', { href: '#/jobs' }, 'All jobs')),
        rows.element);
    const body = h('div', { class: 'cluster' }, next.element, map.element, trainings);

    function update() {
        body.hidden = !store.ready;
        if (!store.ready)
            return;
        text(summary, summaryText());
        next.update();
        map.element.hidden = !store.nodes.size;
        map.update();
        const live = liveJobs().reverse(), over = [...store.jobs.values()].filter((job) => job.ended);
        over.sort((a, b) => b.ended - a.ended);
        trainings.hidden = !live.length && !over.length;
        rows.update([...live.slice(0, 2 * NEWEST), ...over.slice(0, NEWEST)]);
    }

    title('Cluster');
    main.append(h('div', { class: 'page-head' }, h('h1', {}, 'Cluster'), summary), body);
    const stop = watch(['node', 'job', 'load', 'model', 'live'], update);
    update();
    return () => {
        stop();
        map.close();
    };
}
