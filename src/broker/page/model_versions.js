/* Models of one name that differ: each is held by another node. A report is kept by name, and so it is that of the one
 * that was made last. */
import { notice } from './ui.js';

/* null: there is none. */
export function newestOf(versions) {
    const made = (model) => Number(model.job ?? 0);
    return versions.reduce((newest, model) => newest && made(newest) >= made(model) ? newest : model, null);
}

/* For fill(): nothing where there is one. */
export function versionsNotice(versions) {
    return versions.length < 2 ? null : notice('warning', 'There are different models of this name: where you ' +
        'classify, say at which node. Once it is trained anew or deleted there is one again.');
}
