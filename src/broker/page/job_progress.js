/* How far a training is, in words: the line that people read and the title of the tab. */
import { count, left, percent, rate } from './format.js';
import { jobFraction } from './store.js';

const leastMs = 2000;
const leastFraction = 0.0005;

/* Of one that has not ended: the last test and the saving are to come when its last batch is done. */
export function percentOf(job) {
    return `${Math.min(99, Math.floor(100 * jobFraction(job)))} %`;
}

/* Whether it is in an epoch, and not still looking at its photos. */
export function isTraining(job) {
    return job.state === 'running' && job.epoch > 0;
}

/* What the tab says. */
export function titleOf(job) {
    if (isTraining(job))
        return `${percentOf(job)} · epoch ${job.epoch}/${job.epochs}`;
    return `${job.modelName} · ${job.state}`;
}

/* Answers a function that tells the seconds left from the fraction that is done, by how fast it went while it was
 * watched; NaN while that is too little to tell from. A training that began anew, on another node, is timed anew. */
export function timeLeft() {
    let first = null;
    return (fraction, now = performance.now()) => {
        if (!first || fraction < first.fraction)
            first = { now, fraction };
        const done = fraction - first.fraction;
        const ms = now - first.now;
        return ms < leastMs || done < leastFraction ? NaN : ms / 1000 / done * (1 - fraction);
    };
}

/* The parts of the line, [what, text], of those that are known. */
export function progressParts(job, seconds) {
    if (!isTraining(job))
        return [['state', job.reason ?? '']];
    const parts = [['epoch', `epoch ${count(job.epoch)} of ${count(job.epochs)}`]];
    if (job.batches > 0)
        parts.push(['batch', `batch ${count(job.batch)} of ${count(job.batches)}`]);
    if (job.imagesPerSecond > 0)
        parts.push(['rate', rate(job.imagesPerSecond)]);
    if (Number.isFinite(job.result?.test_accuracy))
        parts.push(['accuracy', `test accuracy ${percent(job.result.test_accuracy)}`]);
    parts.push(['left', Number.isFinite(seconds) ? left(seconds) : 'time left: not known yet']);
    return parts;
}
