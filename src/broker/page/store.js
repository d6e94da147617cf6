/* What the broker tells of nodes, models, jobs and load, as it is now. events.js writes; views read and watch.
 *
 * A watcher is called with all that changed since it was called last, at most ten times a second. */

const FLUSH_MS = 100;

export const store = {
    nodes: new Map(),  /* by name; one that is away has `gone` and `lost`, since when (ms; null: not
                        known) */
    models: new Map(), /* by name: the version that was told last, and `versions`, one a digest */
    jobs: new Map(),   /* by id */
    load: new Map(),   /* by node: cpu, memoryUsed, queue, inferences, inferencesPending, bytes */
    live: false,       /* the stream is up */
    ready: false,      /* it was told once how things are */
};

export const LOST_MS = 60000;

const watchers = new Set();
let changed = new Map(); /* kind → Set of keys */
let timer = 0;
let flushed = 0;

function flush() {
    timer = 0;
    flushed = performance.now();
    const changes = changed;
    changed = new Map();
    for (const watcher of [...watchers]) {
        if (watchers.has(watcher) && watcher.kinds.some((kind) => changes.has(kind)))
            watcher.fn(changes);
    }
}

/* Something of that kind changed: "node", "model", "job", "load" or "live". */
export function note(kind, key) {
    if (!changed.has(kind))
        changed.set(kind, new Set());
    changed.get(kind).add(key);
    if (!timer)
        timer = setTimeout(flush, Math.max(0, flushed + FLUSH_MS - performance.now()));
}

/* fn(changes: Map kind → Set of keys) for changes of these kinds. Answers a function that stops it. */
export function watch(kinds, fn) {
    const watcher = { kinds, fn };
    watchers.add(watcher);
    return () => watchers.delete(watcher);
}

/* What a node does, in a word: lost, training, serving or idle. */
export function nodeState(node) {
    if (node.gone)
        return 'lost';
    if (node.running?.length || jobOf(node))
        return 'training';
    return store.load.get(node.name)?.serving ? 'serving' : 'idle';
}

export function isOver(job) {
    return job.state === 'completed' || job.state === 'failed' || job.state === 'cancelled';
}

/* How much of a job is done, 0 to 1. */
export function jobFraction(job) {
    if (job.state === 'completed')
        return 1;
    if (!job.epochs || !job.epoch)
        return 0;
    const within = job.batches ? job.batch / job.batches : 0;
    const whole = isOver(job) ? job.epoch : job.epoch - 1 + within;
    return Math.min(1, Math.max(0, whole / job.epochs));
}

/* The jobs that are not over, oldest first. */
export function liveJobs() {
    return [...store.jobs.values()].filter((job) => !isOver(job)).sort((a, b) => Number(a.id) - Number(b.id));
}

/* The job that a node works on; undefined: none. A legacy node does not tell: the job does. */
export function jobOf(node) {
    if (node.gone)
        return undefined;
    if (node.protocol)
        return store.jobs.get(node.running?.[0]);
    return liveJobs().find((job) => job.state !== 'queued' && job.nodes?.includes(node.name));
}

export function connected() {
    return [...store.nodes.values()].filter((node) => !node.gone);
}

/* The connected nodes that hold a model. */
export function holders(name) {
    return connected().filter((node) => node.models?.includes(name));
}
