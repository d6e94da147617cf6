/* One line for a training under way: its state, a bar, the epoch, the batch, images a second and the time left. Who
 * listens instead of looking is told of a new state and of each epoch, not of each batch. */
import { h, text } from './dom.js';
import { isTraining, percentOf, progressParts } from './job_progress.js';
import { jobFraction } from './store.js';
import { secondsLeft } from './time_left.js';
import { progress, setState, stateMark } from './ui.js';

const words = { queued: 'waits', starting: 'starts', running: 'trains', ending: 'ends' };

function announcement(job) {
    if (isTraining(job))
        return `Epoch ${job.epoch} of ${job.epochs}`;
    return job.state === 'queued' ? `${job.state}: ${job.reason ?? ''}` : job.state;
}

export function progressLine() {
    const state = stateMark('queued');
    const percent = h('strong', { class: 'percent' });
    const bar = progress('How much of the training is done');
    const parts = new Map(['state', 'epoch', 'batch', 'rate', 'accuracy', 'left'].map((name) => [name, h('span', {})]));
    const spoken = h('p', { class: 'visually-hidden', role: 'status' });
    return {
        element: h('section', { class: 'progress-line', 'aria-label': 'Progress' },
            h('p', { class: 'spread' }, state, percent), bar.element,
            h('p', { class: 'progress-parts' }, [...parts.values()]), spoken),
        update(job) {
            const fraction = jobFraction(job);
            const known = new Map(progressParts(job, secondsLeft(job)));
            setState(state, job.state, words[job.state] ?? job.state);
            text(percent, isTraining(job) ? percentOf(job) : '');
            bar.set(fraction, isTraining(job) ? `${percentOf(job)}, epoch ${job.epoch} of ${job.epochs}` : job.state);
            for (const [name, part] of parts)
                text(part, known.get(name) ?? '');
            text(spoken, announcement(job));
        },
    };
}
