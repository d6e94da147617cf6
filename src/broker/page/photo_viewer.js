/* A photo large, in a dialog: what is known of it below, and the ones beside it by buttons and arrow keys. */
import { fill, h, text } from './dom.js';
import { count } from './format.js';
import { button, newId, setUsable } from './ui.js';

const WIDE = 1024; /* pixels asked for; a smaller photo comes as it is */

/* `photos`: [{url(width), title, details()}], details being what fill() takes. `at` is the first to be shown. The
 * browser gives the focus back to what opened it. */
export function openViewer(photos, at) {
    const id = newId('viewer');
    const image = h('img', { class: 'viewer-photo', alt: '' });
    const failure = h('p', { class: 'muted viewer-failure', role: 'status' });
    const heading = h('h2', { id });
    const details = h('div', { class: 'viewer-details' });
    const place = h('span', { class: 'muted viewer-place', role: 'status' });
    const before = button('Previous', () => step(-1), 'small');
    const after = button('Next', () => step(1), 'small');
    const close = button('Close', () => dialog.close(), 'small', { autofocus: true });
    const dialog = h('dialog', { class: 'dialog viewer', 'aria-labelledby': id },
        h('div', { class: 'viewer-frame' }, image, failure),
        h('div', { class: 'viewer-words' }, heading, details),
        h('div', { class: 'viewer-bar' }, before, after, place, close));

    function show() {
        const shown = photos[at];
        text(failure, '');
        image.hidden = false;
        image.alt = shown.title;
        image.src = shown.url(WIDE);
        text(heading, shown.title);
        fill(details, shown.details?.());
        setUsable(before, at > 0);
        setUsable(after, at < photos.length - 1);
        text(place, `${count(at + 1)} of ${count(photos.length)}`);
    }

    function step(by) {
        if (!photos[at + by])
            return;
        at += by;
        show();
    }

    image.addEventListener('error', () => {
        image.hidden = true;
        text(failure, 'This photo cannot be shown: its node is away, or does not give its photos any more.');
    });
    dialog.addEventListener('keydown', (event) => {
        const by = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
        if (by)
            step(by);
    });
    dialog.addEventListener('click', (event) => {
        if (event.target === dialog) /* beside it */
            dialog.close();
    });
    dialog.addEventListener('close', () => dialog.remove());
    document.body.append(dialog);
    show();
    dialog.showModal();
}
