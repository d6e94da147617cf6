/* What a person is classifying, for as long as the page is open: going to another place and back loses nothing, and
 * what was begun goes on meanwhile. Nothing of it leaves the page but the questions. */
import { createClassification } from './classification.js';
import { PHOTOS_MAX, modelsDiffer } from './photos.js';
import { forgetThumbnail } from './previews.js';
import { store } from './store.js';

const listeners = new Set();

export const session = {
    photos: [],
    models: [null, null], /* names: the model, and the one beside it */
    node: '',             /* any */
    order: 'added',       /* of ORDERS, arrange.js */
    show: 'all',          /* of showChoices() */
    opened: null,         /* the photo that was shown alone last */
    leftOut: '',          /* what of the last photos could not be taken, in words */
};

export const classification = createClassification((photo) => {
    for (const listener of [...listeners])
        listener(photo);
});

/* `listener(photo)` when an answer changes. Returns what ends it. */
export function onAnswer(listener) {
    listeners.add(listener);
    return () => listeners.delete(listener);
}

const digests = new Map(); /* of models, by name, as they were told last */

function digestOf(model) {
    const told = store.models.get(model)?.sha256;
    if (told)
        digests.set(model, told);
    return digests.get(model) ?? '';
}

/* What is asked of each photo now. A model that was trained anew is another one. */
export function questions() {
    return session.models.filter(Boolean).map((model) => ({
        key: [model, digestOf(model), session.node].join('\n'),
        model,
        node: session.node,
    }));
}

/* How many had room. */
export function addPhotos(photos) {
    const taken = photos.slice(0, Math.max(0, PHOTOS_MAX - session.photos.length));
    session.photos = session.photos.concat(taken);
    return taken.length;
}

/* The photos that were there: what undoes it. */
export function clearPhotos() {
    const cleared = session.photos;
    classification.stop();
    cleared.forEach(forgetThumbnail);
    session.photos = [];
    session.opened = null;
    session.leftOut = '';
    return cleared;
}

/* How many photos there are, and of how many all answers are there, two models differ, one failed, one was stopped. */
export function counts() {
    const asked = questions();
    const found = { all: session.photos.length, done: 0, differ: 0, failed: 0, stopped: 0 };
    for (const photo of session.photos) {
        const states = asked.map((question) => photo.answers.get(question.key)?.state);
        found.differ += modelsDiffer(photo, asked);
        if (states.includes('failed'))
            found.failed += 1;
        else if (states.includes('stopped'))
            found.stopped += 1;
        else if (states.every((state) => state === 'done'))
            found.done += 1;
    }
    return found;
}
