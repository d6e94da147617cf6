/* Cancelling a training, after saying what happens then. */
import { path, remove } from './api.js';
import { store } from './store.js';
import { confirmDialog } from './ui.js';

function question(job) {
    if (job.state === 'queued')
        return `Job ${job.id} leaves the queue. Nothing of it was trained yet.`;
    return [`The node stops at its next batch, and no model '${job.modelName}' comes of this training.`];
}

/* `place` is a noticePlace() for a refusal. */
export async function cancelJob(id, place) {
    const job = store.jobs.get(id);
    place.clear();
    if (!job || !await confirmDialog(question(job), 'Cancel training', { title: `Cancel '${job.modelName}'?` }))
        return;
    try {
        await remove(path('jobs', id));
    } catch (error) {
        place.show('error', error.message);
    }
}
