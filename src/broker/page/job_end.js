/* Cancelling a training from a list of them. */
import { get, path, remove } from './api.js';
import { consequence } from './job_cancel.js';
import { store } from './store.js';
import { confirmDialog } from './ui.js';

/* `place` is a noticePlace() for a refusal. */
export async function cancelJob(id, place) {
    place.clear();
    const job = await get(path('jobs', id)).catch(() => store.jobs.get(id));
    if (!job || !await confirmDialog(consequence(job), 'Cancel training', { title: `Cancel '${job.modelName}'?` }))
        return;
    try {
        await remove(path('jobs', id));
    } catch (error) {
        place.show('error', error.message);
    }
}
