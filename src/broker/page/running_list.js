/* The trainings that have not ended, each a link: above the form of the next one, in room that is always kept. */
import { h, keyed, text } from './dom.js';
import { isTraining, percentOf } from './job_progress.js';
import { href } from './router.js';
import { liveJobs } from './store.js';
import { setState, stateMark } from './ui.js';

function make(job) {
    return h('li', {}, h('a', { class: 'running-job', href: href('jobs', job.id) }, h('strong', {}, job.modelName),
        stateMark(job.state)));
}

function update(item, job) {
    const words = isTraining(job) ? `${percentOf(job)} · epoch ${job.epoch}/${job.epochs}` : job.state;
    text(item.querySelector('strong'), job.modelName);
    setState(item.querySelector('.state'), job.state, words);
}

export function runningList() {
    const list = h('ul', { class: 'running-list' });
    return {
        element: h('nav', { class: 'running', 'aria-label': 'Trainings under way' }, list),
        update: () => keyed(list, liveJobs(), (job) => job.id, make, update),
    };
}
