/* The one event stream, into the store. The browser takes it up again by itself after a break, with the last id; the
 * broker then sends what was missed, or, where it no longer can, how things are: a snapshot, whose events but the last
 * have the id 0. What a snapshot does not name is gone. */
import { get, url } from './api.js';
import { nodeChanged, putModel } from './model_list.js';
import { LOST_MS, isOver, note, store } from './store.js';
import { watchProgress } from './time_left.js';

const AGAIN_MS = 2000;    /* where the browser has given up */
const SILENT_MS = 300;    /* a stream that begins with nothing: a snapshot of nothing, or nothing was missed */
const HIDDEN_MS = 30000;
const TITLE_MS = 15000;   /* how often the job is asked for that a tab nobody looks at shows */
const SERVING_MS = 4000;  /* a node counts as serving for that long after an answer */

let source = null;        /* null: it is closed */
let again = 0;
let hiding = 0;
let last = 0;             /* the newest id seen */
let fresh = false;        /* nothing came yet since the stream was opened */
let named = null;         /* what the snapshot under way has named: kind → Set of keys; null: none is under way */
let silence = 0;

/* `lost`: since when; null: nobody looked. */
function lose(node, lost) {
    if (node.gone)
        return;
    const away = { ...node, lost, gone: true, running: [] };
    store.nodes.set(node.name, away);
    store.load.delete(node.name);
    nodeChanged(node);
    note('node', node.name);
    setTimeout(() => {
        if (store.nodes.get(node.name) === away) {
            store.nodes.delete(node.name);
            note('node', node.name);
        }
    }, LOST_MS);
}

function putNode(node) {
    const { gone, ...rest } = node;
    const known = store.nodes.get(node.name);
    if (!gone) {
        store.nodes.set(node.name, rest);
        nodeChanged(known, rest);
    } else if (known) {
        lose(known, Date.now());
    }
    note('node', node.name);
}

function putJob(job) {
    const known = store.jobs.get(job.id);
    /* Events of a running job have its newest result; one that ended keeps it here. */
    store.jobs.set(job.id, known?.result && !job.result ? { ...job, result: known.result } : job);
    watchProgress(job);
    note('job', job.id);
}

function putLoad(list) {
    const now = Date.now();
    for (const { name, ...figures } of list.nodes ?? []) {
        const known = store.load.get(name);
        const answered = known && figures.inferences > known.inferences;
        const active = answered || figures.inferencesPending > 0;
        const until = active ? now + SERVING_MS : known?.until ?? 0;
        store.load.set(name, { ...known, ...figures, until, serving: until > now });
        note('load', name);
        if (active)
            setTimeout(() => endServing(name), SERVING_MS + 50);
    }
}

function endServing(name) {
    const load = store.load.get(name);
    if (load?.serving && load.until <= Date.now() && !(load.inferencesPending > 0)) {
        store.load.set(name, { ...load, serving: false });
        note('load', name);
    }
}

const puts = { node: putNode, model: putModel, job: putJob, load: putLoad };

/* A whole snapshot was read. */
function dropUnnamed() {
    for (const node of store.nodes.values())
        if (!named.node.has(node.name))
            lose(node, null);
    for (const model of store.models.values()) {
        for (const version of model.versions)
            if (!named.model.has(`${version.name} ${version.sha256}`))
                putModel({ ...version, gone: true });
    }
    for (const id of store.jobs.keys()) {
        if (!named.job.has(id)) {
            store.jobs.delete(id);
            note('job', id);
        }
    }
}

function beReady() {
    if (!store.ready) {
        store.ready = true;
        note('live', 'ready');
    }
}

function onEvent(event) {
    const kind = event.type;
    const id = Number(event.lastEventId);
    let object;
    try {
        object = JSON.parse(event.data);
    } catch {
        return; /* not of this broker: the next event tells the state again */
    }
    if (id !== 0 && id === last) {
        puts[kind](object); /* load outside a snapshot has no id of its own: the browser gives that of the one before */
        return;
    }
    clearTimeout(silence);
    /* The first event's id tells what this is: the next after what was seen goes on; any other begins a snapshot. */
    if (fresh && id !== last + 1)
        named = { node: new Set(), model: new Set(), job: new Set() };
    fresh = false;
    named?.[kind]?.add(kind === 'model' ? `${object.name} ${object.sha256}` : object.id ?? object.name);
    puts[kind](object);
    if (id === 0)
        return;
    last = id;
    if (named)
        dropUnnamed();
    named = null;
    beReady();
    setLive(true);
}

/* Nothing came: where the broker was started anew, it may not know what is shown here. Only then is that said to be
 * live. */
async function onSilence() {
    const asked = source;
    try {
        const { nodes } = await get('/nodes');
        if (asked !== source || !fresh)
            return; /* an event came meanwhile, or another stream was begun */
        const names = new Set(nodes.map((node) => node.name));
        for (const node of store.nodes.values())
            if (!names.has(node.name))
                lose(node, null);
        beReady();
        setLive(true);
    } catch {
        if (asked === source)
            silence = setTimeout(onSilence, AGAIN_MS);
    }
}

function setLive(live) {
    if (store.live !== live) {
        store.live = live;
        note('live', 'live');
    }
}

function open() {
    clearTimeout(again);
    if (source)
        return;
    last = 0;
    source = new EventSource(url('/events'));
    source.addEventListener('open', () => {
        fresh = true;
        named = null;
        clearTimeout(silence);
        silence = setTimeout(onSilence, SILENT_MS);
    });
    source.addEventListener('error', () => {
        setLive(false);
        clearTimeout(silence);
        if (source?.readyState !== EventSource.CLOSED)
            return; /* the browser tries again */
        close();
        again = setTimeout(open, AGAIN_MS);
    });
    for (const kind of Object.keys(puts))
        source.addEventListener(kind, onEvent);
}

function close() {
    clearTimeout(again);
    clearTimeout(silence);
    source?.close();
    source = null;
    setLive(false);
}

/* The title of a job's tab tells those who wait: while there is no stream, the job is asked for until it is over. */
async function askJob() {
    const [, id] = /^#\/jobs\/([^/?]+)/.exec(location.hash) ?? [];
    if (!id)
        return;
    const job = await get(`/jobs/${id}`).catch((error) => error.status === 404 ? undefined : null);
    if (source)
        return; /* someone looks again */
    if (job)
        putJob(job);
    if (job === null || job && !isOver(job))
        hiding = setTimeout(askJob, TITLE_MS);
}

/* A browser has six connections for all of its tabs, so that one which nobody looks at gives its own back after a
 * while. */
function letGo() {
    close();
    askJob();
}

function onVisibility() {
    clearTimeout(hiding);
    if (document.hidden)
        hiding = setTimeout(letGo, HIDDEN_MS);
    else
        open();
}

export function follow() {
    open();
    if (document.hidden)
        onVisibility(); /* it was opened behind another one */
    document.addEventListener('visibilitychange', onVisibility);
    window.addEventListener('pagehide', close); /* a page that the browser keeps for "back" would keep its stream */
    window.addEventListener('pageshow', open);
}
