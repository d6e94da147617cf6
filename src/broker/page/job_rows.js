/* Trainings as short lines, each a link: the model, its network, where it runs, how far it is. */
import { attribute, h, keyed, text } from './dom.js';
import { left, plural, setAgo } from './format.js';
import { href } from './router.js';
import { isOver, jobFraction } from './store.js';
import { secondsLeft } from './time_left.js';
import { networkName } from './train_request.js';
import { setState, stateMark } from './ui.js';

function make(job) {
    const bar = h('span', { class: 'bar-fill' });
    return h('li', {}, h('a', { class: 'job-row', href: href('jobs', job.id) },
        h('strong', { class: 'job-name' }), h('span', { class: 'job-where muted' }), stateMark(job.state),
        h('span', { class: 'bar-track', 'aria-hidden': 'true' }, bar), h('span', { class: 'job-epoch' }),
        h('span', { class: 'job-when muted' }, h('span', {}), h('time', {}))));
}

/* When it was over, or how long it still takes, or why it waits. */
function setWhen(element, job) {
    const [words, time] = element.children;
    const seconds = secondsLeft(job);
    text(words, isOver(job) ? '' : Number.isFinite(seconds) ? left(seconds) : job.reason ?? '');
    attribute(words, 'title', words.textContent || null);
    attribute(time, 'hidden', isOver(job) ? null : true);
    if (isOver(job))
        setAgo(time, job.ended);
}

function update(item, job) {
    const [name, where, state, track, epoch, when] = item.firstChild.children;
    text(name, job.modelName);
    text(where, networkName(job.modelType) + (job.nodes?.length ? ` at ${job.nodes.join(', ')}` : ''));
    setState(state, job.state);
    attribute(item.firstChild, 'data-state', job.state);
    track.firstChild.style.setProperty('--part', String(jobFraction(job)));
    text(epoch, job.epoch ? `epoch ${job.epoch}/${job.epochs}` : plural(job.epochs, 'epoch'));
    setWhen(when, job);
    attribute(item.firstChild, 'title', job.error ?? null);
    attribute(item.firstChild, 'aria-label', `${job.modelName}, job ${job.id}, ${job.state}, ${epoch.textContent}`);
}

/* {element, update(jobs)} */
export function jobRows() {
    const element = h('ul', { class: 'job-rows' });
    return { element, update: (jobs) => keyed(element, jobs, (job) => job.id, make, update) };
}
