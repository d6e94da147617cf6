/* The trainings that have not ended, each a link: above the form of the next one, in room that is always kept. */
import { h, keyed, text } from './dom.js';
import { count } from './format.js';
import { isTraining, percentOf } from './job_progress.js';
import { href } from './router.js';
import { liveJobs } from './store.js';
import { setState, stateMark } from './ui.js';

const MOST = 3;

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
    const rest = h('a', { href: '#/jobs' });
    return {
        element: h('nav', { class: 'running row', 'aria-label': 'Trainings under way' }, list, rest),
        update() {
            const jobs = liveJobs();
            keyed(list, jobs.slice(0, MOST), (job) => job.id, make, update);
            rest.hidden = jobs.length <= MOST;
            text(rest, `and ${count(jobs.length - MOST)} more`);
        },
    };
}
