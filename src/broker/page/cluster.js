/* The first view: what is there, what it does, and the one thing to do next. */
import { clusterMap } from './cluster_map.js';
import { copyButton } from './copy_button.js';
import { fill, h, text } from './dom.js';
import { count, plural } from './format.js';
import { jobRows } from './job_rows.js';
import { photosText } from './node_choice.js';
import { nodeCommand, portHint } from './node_command.js';
import { title } from './router.js';
import { connected, liveJobs, store, watch } from './store.js';
import { buttonLink } from './ui.js';

const NEWEST = 5; /* trainings below the picture, beside those that are not over */

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

/* The node whose photos are most; else one that does not tell, which fetches the broker's or has its own. Undefined:
 * none has any. */
function bestNode() {
    const images = (node) => node.dataset?.images ?? 0.5;
    return connected().filter((node) => images(node) > 0).sort((a, b) => images(b) - images(a))[0];
}

function folderWords() {
    return [h('code', {}, 'images/train/cow/1.jpg'), ', ', h('code', {}, 'images/test/cow/2.jpg'), '.'];
}

function noPhotos() {
    return [h('div', { class: 'next-words' }, h('h2', {}, 'There are no photos yet'),
        h('p', {}, 'Put some into the broker’s folder of images, in a folder for each class: ', folderWords())),
        buttonLink('How to train', '#/train', 'big')];
}

function photosLine({ dataset }) {
    return dataset ? `In ${plural(dataset.classes, 'class', 'classes')}, on your own machines.` :
        ['They lie in a folder for each class: ', folderWords()];
}

function trainNext(node) {
    const what = node.dataset ? `the ${plural(node.dataset.images, 'photo')} that are there` : photosText(node);
    return [h('div', { class: 'next-words' },
        h('h2', {}, `Train on ${what}`), h('p', { class: 'muted' }, photosLine(node))),
    h('div', { class: 'row' }, store.models.size > 0 ? buttonLink('Classify a photo', '#/classify', 'big') : null,
        buttonLink('Train', '#/train', 'primary big'))];
}

/* The place for what to do next. It is made anew only when what it says is another thing, so that focus stays. */
function nextThing() {
    const element = h('section', { class: 'next', 'aria-label': 'What to do next' });
    let said = null;
    return {
        element,
        update() {
            const node = bestNode();
            const what = !connected().length ? 'node' : !node ? 'photos' :
                JSON.stringify([node.dataset ?? photosText(node), store.models.size > 0]);
            if (what === said)
                return;
            said = what;
            fill(element, what === 'node' ? noNode() : what === 'photos' ? noPhotos() : trainNext(node));
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
