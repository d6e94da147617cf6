/* Reports of models, each fetched once: two at a time, so that a page of a table does not crowd out what else is asked
 * for. A report belongs to a digest; a model that is trained anew has another. */
import { get, path } from './api.js';
import { store } from './store.js';

const AT_ONCE = 2;
const MOST = 50; /* that are kept: one of a thousand classes has megabytes */

const kept = new Map(); /* name and digest → the promise of a report */
const queue = [];
let running = 0;

function next() {
    while (running < AT_ONCE && queue.length) {
        const { name, resolve, reject } = queue.shift();
        running++;
        get(path('models', name, 'report')).then(resolve, reject).finally(() => {
            running--;
            next();
        });
    }
}

/* Whether the broker has its report: a job of its own made it. A model that was put there by hand has none. */
function hasReport({ name, job }) {
    return Boolean(job) || [...store.jobs.values()].some((one) => one.modelName === name && one.state === 'completed');
}

/* The promise of a model's report; it fails where there is none. */
export function report(model) {
    if (!hasReport(model))
        return Promise.reject(new Error(`there is no report of '${model.name}'`));
    const key = `${model.name} ${model.sha256}`;
    if (!kept.has(key)) {
        kept.set(key, new Promise((resolve, reject) => {
            queue.push({ name: model.name, resolve, reject });
            next();
        }));
        kept.get(key).catch(() => kept.delete(key));
        if (kept.size > MOST)
            kept.delete(kept.keys().next().value);
    }
    return kept.get(key);
}
