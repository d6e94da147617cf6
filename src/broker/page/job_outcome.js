/* How a training ended: four numbers of one that is done; of one that failed or was cancelled why, and what to do. */
import { bestResult, savedResult } from './curves.js';
import { h } from './dom.js';
import { count, decimal, duration, percent, plural } from './format.js';
import { keepsCheckpoint, lessMemory, lowerRate, resumeOptions, sameOptions } from './job_options.js';
import { href } from './router.js';
import { buttonLink, notice } from './ui.js';

function figure(label, value, note) {
    return h('div', {}, h('dt', {}, label), h('dd', {}, value), h('dd', { class: 'figure-note' }, note));
}

/* Without a report: what the results alone tell. */
export function fourNumbers(job, results, report) {
    const best = bestResult(results);
    const saved = savedResult(results, report ?? { configuration: job.options });
    const seconds = report?.total_training_time ?? (job.ended - job.started) / 1000;
    const speed = report?.images_per_second;
    const bestNote = !best ? '' : best === saved ? 'the one that was kept' :
        `${percent(best.test_accuracy)}; kept is epoch ${count(saved.epoch)}`;
    return h('dl', { class: 'figures four' },
        figure('Test accuracy', percent(saved?.test_accuracy), saved ? `after epoch ${count(saved.epoch)}` : ''),
        figure('Best epoch', count(best?.epoch), bestNote),
        figure('Time', duration(seconds), plural(results.length, 'epoch')),
        figure('Images a second', decimal(speed, speed < 100 ? 1 : 0), speed ? 'in training' : ''));
}

const nothing = () => ({});

/* What to do, by what the reason says: the first that fits, with what the form then begins with instead. */
const remedies = [
    [/learning rate/i, 'Train again with a lower learning rate.', lowerRate],
    [/memory|signal 9/i, 'The node ran out of memory. A smaller batch needs less, and so do smaller images.',
        lessMemory],
    [/no space|disk/i, 'Free space on the node’s disk, then train again.', nothing],
    [/weights/i, 'The node could not get the weights to start from. It can start from none.',
        () => ({ weights: 'none' })],
    [/class|image|photo|dataset/i, 'Look at the node’s photos: a folder for each class, in train and in test.',
        nothing],
];
const noRemedy = [null, 'The log below and the node’s own log say more.', nothing];

/* A way to the form, which begins with the training's options, or these. */
export function trainAgain(job, label, kind, values = sameOptions(job)) {
    const query = new URLSearchParams({ type: job.modelType, name: job.modelName, ...values });
    if (job.nodes[0])
        query.set('node', job.nodes[0]);
    return buttonLink(label, `${href('train')}?${query}`, kind);
}

/* To go on does the same again, which helps only where the options are not at fault. */
function ways(job, results, changes) {
    const done = results[results.length - 1]?.epoch ?? 0;
    const goesOn = done > 0 && done < job.epochs && !Object.keys(changes).length && keepsCheckpoint(job);
    return h('p', { class: 'row' },
        goesOn ? trainAgain(job, `Go on after epoch ${count(done)}`, 'primary', resumeOptions(job)) : null,
        trainAgain(job, 'Train again', goesOn ? null : 'primary', sameOptions(job, changes)));
}

function failed(job, results) {
    const reason = job.error || job.reason || 'its node gave no reason';
    const [, advice, changes] = remedies.find(([form]) => form.test(reason)) ?? noRemedy;
    return [notice('error', h('strong', {}, 'Failed: '), reason), h('p', {}, advice),
        ways(job, results, changes(job.options))];
}

function cancelled(job, results) {
    const done = results.length ? `after ${count(results.length)} of ${plural(job.epochs, 'epoch')}` :
        job.started ? 'before its first epoch was done' : 'before it began';
    const reason = job.reason ? `: ${job.reason}` : '';
    return [notice('info', h('strong', {}, 'Cancelled '), `${done}${reason}. No model came of it.`),
        ways(job, results, {})];
}

/* What stands above the curves when it is over: for fill(). */
export function jobOutcome(job, results) {
    const outcome = { failed, cancelled }[job.state] ?? fourNumbers;
    return outcome(job, results);
}
