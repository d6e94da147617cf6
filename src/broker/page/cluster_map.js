/* The picture of the cluster: the broker in the middle, a card a node around it, and a line between them along which
 * one soft pulse goes when bytes did. More nodes than fit around it are tiles in groups by their state. */
import { attribute, fill, h, keyed, svg, text } from './dom.js';
import { plural } from './format.js';
import { CARD, HUB, MOST, mapLayout } from './map_layout.js';
import { nodeCard, nodeTile } from './node_card.js';
import { liveJobs, nodeState, store } from './store.js';
import { stateMark } from './ui.js';

const states = ['training', 'serving', 'idle', 'lost'];
const order = new Intl.Collator(undefined, { numeric: true });

function nodesByName() {
    return [...store.nodes.values()].sort((a, b) => order.compare(a.name, b.name));
}

function makeEdge() {
    const pulse = svg('path', { class: 'edge-pulse', pathLength: 1 });
    pulse.addEventListener('animationend', () => pulse.classList.remove('on'));
    return svg('g', {}, svg('path', { class: 'edge' }), pulse);
}

/* Few nodes. */
function network() {
    const edges = svg('svg', { class: 'map-edges', 'aria-hidden': 'true' });
    const waiting = h('span', { class: 'hub-line' });
    const hub = h('div', { class: 'hub' }, h('strong', {}, 'broker'), waiting);
    const list = h('ul', { class: 'map-cards', 'aria-label': 'Nodes' });
    const element = h('div', { class: 'map' }, edges, hub, list);
    const cards = new Map(); /* by name */
    const moved = new Map(); /* what was shown of a node's traffic: bytes, or how far its job was */
    let drawn = '';

    hub.style.setProperty('--hub-width', `${HUB.width}px`);
    hub.style.setProperty('--hub-height', `${HUB.height}px`);
    element.style.setProperty('--card-height', `${CARD.height}px`);

    function place(nodes) {
        const width = element.clientWidth;
        const key = `${width} ${nodes.map((node) => node.name).join(' ')}`;
        if (!width || key === drawn)
            return;
        drawn = key;
        const layout = mapLayout(nodes.length, width);
        element.style.setProperty('--map-height', `${layout.height}px`);
        attribute(edges, 'viewBox', `0 0 ${width} ${layout.height}`);
        hub.style.setProperty('--x', `${layout.hub.x - HUB.width / 2}px`);
        hub.style.setProperty('--y', `${layout.hub.y - HUB.height / 2}px`);
        [...list.children].forEach((item, i) => {
            item.style.setProperty('--x', `${layout.cards[i].x}px`);
            item.style.setProperty('--y', `${layout.cards[i].y}px`);
            item.style.setProperty('--card-width', `${layout.cards[i].width}px`);
        });
        [...edges.children].forEach((edge, i) => {
            for (const path of edge.children)
                attribute(path, 'd', layout.edges[i]);
        });
    }

    /* The figure grows with what goes along the line; the first one seen says nothing. */
    function traffic(node) {
        const load = store.load.get(node.name);
        if (load?.bytes !== undefined)
            return load.bytes;
        const job = store.jobs.get(node.running?.[0]);
        return job ? Number(job.id) * 1e9 + job.epoch * 1e6 + job.batch : 0;
    }

    function pulse(nodes) {
        [...edges.children].forEach((edge, i) => {
            const node = nodes[i], now = traffic(node), before = moved.get(node.name);
            moved.set(node.name, now);
            attribute(edge, 'data-state', store.live ? nodeState(node) : 'lost');
            if (before !== undefined && now > before && !node.gone)
                edge.lastChild.classList.add('on'); /* one that is under way is not begun anew */
        });
    }

    function update(nodes) {
        const names = new Set(nodes.map((node) => node.name));
        keyed(list, nodes, (node) => node.name, (node) => {
            cards.set(node.name, nodeCard(node));
            return h('li', { class: 'map-card' }, cards.get(node.name).element);
        }, (item, node) => cards.get(node.name).update(node));
        keyed(edges, nodes, (node) => node.name, makeEdge);
        for (const name of [...cards.keys()]) {
            if (!names.has(name)) {
                cards.delete(name);
                moved.delete(name);
            }
        }
        const jobs = liveJobs().filter((job) => job.state === 'queued').length;
        text(waiting, !store.live ? 'not reached' : jobs ? `${plural(jobs, 'training')} waiting` : 'nothing waiting');
        place(nodes);
        pulse(nodes);
    }

    return { element, update };
}

/* Many nodes. */
function grid() {
    const element = h('div', { class: 'tiles' });
    const groups = new Map(states.map((state) => {
        const number = h('span', { class: 'muted' }), list = h('ul', { class: 'tile-list', 'aria-label': state });
        const section = h('section', {}, h('h2', { class: 'tile-head' }, stateMark(state), number), list);
        element.append(section);
        return [state, { section, number, list }];
    }));
    const tiles = new Map(); /* by name */

    function update(nodes) {
        for (const [state, { section, number, list }] of groups) {
            const its = nodes.filter((node) => nodeState(node) === state);
            section.hidden = !its.length;
            text(number, its.length);
            keyed(list, its, (node) => node.name, (node) => {
                tiles.set(node.name, nodeTile(node));
                return h('li', {}, tiles.get(node.name).element);
            }, (item, node) => tiles.get(node.name).update(node));
        }
        for (const name of [...tiles.keys()])
            if (!store.nodes.has(name))
                tiles.delete(name);
    }

    return { element, update };
}

/* {element, update(), close()} */
export function clusterMap() {
    const element = h('div', {});
    let shown = null, many = null;
    const sized = new ResizeObserver(() => shown && update());

    /* A node's link is another one in another group. */
    function keepFocus(address) {
        const link = [...element.querySelectorAll('a')].find((one) => one.getAttribute('href') === address);
        if (link !== document.activeElement)
            link?.focus({ preventScroll: true });
    }

    function update() {
        const nodes = nodesByName();
        const focused = element.contains(document.activeElement) ? document.activeElement.getAttribute('href') : null;
        if (many !== nodes.length > MOST) {
            many = nodes.length > MOST;
            shown = many ? grid() : network();
            fill(element, shown.element);
        }
        shown.update(nodes);
        if (focused)
            keepFocus(focused);
    }

    sized.observe(element);
    return { element, update, close: () => sized.disconnect() };
}
