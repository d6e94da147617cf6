/* Cancelling a training from a list of them. */
import { get, path, remove } from './api.js';
import { h, text } from './dom.js';
import { checkpointLine, consequence } from './job_cancel.js';
import { store } from './store.js';
import { confirmDialog } from './ui.js';

/* The stream tells no options of a job, and with them whether it keeps a checkpoint: that line comes later. */
async function tellCheckpoint(line, job) {
    try {
        const { options } = await get(path('jobs', job.id));
        text(line, checkpointLine({ ...job, options }));
    } catch (error) {
        text(line, `Whether its checkpoint stays cannot be asked: ${error.message}.`);
    }
}

/* Asks at once. `place` is a noticePlace() for a refusal. */
export async function cancelJob(id, place) {
    const job = store.jobs.get(id);
    place.clear();
    if (!job)
        return; /* the broker forgot it just now */
    const line = h('span', { 'aria-live': 'polite' },
        `Asks whether its checkpoint of epoch ${job.epoch - 1} stays: a training could go on from it…`);
    if (job.epoch > 1)
        tellCheckpoint(line, job);
    if (!await confirmDialog(consequence(job, line), 'Cancel training', { title: `Cancel '${job.modelName}'?` }))
        return;
    try {
        await remove(path('jobs', id));
    } catch (error) {
        place.show('error', error.message);
    }
}
