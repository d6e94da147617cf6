/* Deleting a model: says first what goes and where, then what came of it. */
import { path, remove } from './api.js';
import { holders } from './store.js';
import { confirmDialog } from './ui.js';

function list(names) {
    const order = new Intl.ListFormat(undefined, { type: 'conjunction' });
    return order.format(names);
}

function question(name) {
    const at = holders(name).map((node) => node.name);
    const where = at.length ? `At ${list(at)} these go: its weights, its report, its log and its checkpoint.` :
        'No connected node has it.';
    return [where, 'A node that has it and is away deletes it when it is back. The list of jobs stays as it is.'];
}

function outcome(name, answer) {
    const at = answer?.nodes ?? [], pending = answer?.pending ?? [];
    const done = at.length ? `'${name}' is deleted at ${list(at)}.` : `'${name}' is deleted.`;
    return pending.length ? `${at.length ? done : ''} ${list(pending)} will delete it when back.`.trim() : done;
}

/* Answers whether it was deleted. `place` is a noticePlace() for what came of it. */
export async function deleteModel(name, place) {
    place.clear();
    if (!await confirmDialog(question(name), 'Delete', { title: `Delete model '${name}'?` }))
        return false;
    try {
        place.show('good', outcome(name, await remove(path('models', name))));
        return true;
    } catch (error) {
        place.show('error', `'${name}' was not deleted: ${error.message}.`);
        return false;
    }
}
