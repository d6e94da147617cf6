/* How far a training is, in words: the line that people read and the title of the tab. */
import { count, left, percent, rate } from './format.js';
import { jobFraction } from './store.js';

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

/* The parts of the line, [what, text], of those that are known. `seconds`: how long it still takes, or NaN. */
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
