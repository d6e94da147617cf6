/* The button that cancels a training, after saying what happens then. */
import { path, remove } from './api.js';
import { h, text } from './dom.js';
import { keepsCheckpoint } from './job_options.js';
import { button, confirmDialog, noticePlace } from './ui.js';

/* What becomes of the epochs of a running job that are done. */
export function checkpointLine(job) {
    return keepsCheckpoint(job) ?
        `Its checkpoint of epoch ${job.epoch - 1} stays on the node: a training can go on from it.` :
        'It keeps no checkpoint: no training can go on after its epochs that are done.';
}

/* What cancelling a job comes to, as paragraphs. `checkpoint`: what stands for checkpointLine(), where the options of
 * the job are not known yet. */
export function consequence(job, checkpoint = checkpointLine(job)) {
    if (job.state === 'queued')
        return `Job ${job.id} leaves the queue. Nothing of it was trained yet.`;
    const lines = [`The node stops at its next batch, and no model '${job.modelName}' comes of this training.`];
    return job.epoch > 1 ? [...lines, checkpoint] : lines;
}

/* {element, update(job)} */
export function cancelButton() {
    const failure = noticePlace();
    const element = button('Cancel training', press, 'danger');
    let job = null;

    async function press() {
        failure.clear();
        if (!await confirmDialog(consequence(job), 'Cancel training', { title: `Cancel '${job.modelName}'?` }))
            return;
        element.disabled = true;
        text(element, 'Cancelling…');
        try {
            await remove(path('jobs', job.id));
        } catch (error) {
            failure.show('error', error.message);
            element.disabled = false;
            text(element, 'Cancel training');
        }
    }

    return {
        element: h('div', { class: 'stack' }, element, failure.element),
        update(next) {
            job = next;
        },
    };
}
