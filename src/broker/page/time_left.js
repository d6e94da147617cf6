/* How long trainings still take, by how fast each went while it was watched. What came before counts nothing: that it
 * waited, looked at its photos, or had done epochs already where it goes on with another training. */
import { isTraining } from './job_progress.js';
import { jobFraction } from './store.js';

const LEAST_MS = 2000;
const LEAST_FRACTION = 0.0005;

const watched = new Map(); /* job's id → {generation, known: the fraction told last, first and last: {at, fraction}} */

/* The job was told of. */
export function watchProgress(job, now = performance.now()) {
    const fraction = jobFraction(job);
    const before = watched.get(job.id);
    if (!isTraining(job)) {
        watched.delete(job.id);
        return;
    }
    if (before?.generation !== job.generation || fraction < before.known) {
        /* A batch that was done before anybody looked tells nothing; the first of a training is seen to be done. */
        watched.set(job.id, { generation: job.generation, known: fraction, first: null, last: null });
        return;
    }
    if (fraction === before.known || !(job.batches > 0))
        return;
    before.known = fraction;
    before.last = { at: now, fraction };
    before.first ??= before.last;
}

/* Seconds; NaN while too little was seen to tell. */
export function secondsLeft(job) {
    const { generation, first, last } = watched.get(job.id) ?? {};
    if (!first || generation !== job.generation)
        return NaN;
    const ms = last.at - first.at;
    const done = last.fraction - first.fraction;
    return ms < LEAST_MS || done < LEAST_FRACTION ? NaN : ms / 1000 / done * (1 - last.fraction);
}
