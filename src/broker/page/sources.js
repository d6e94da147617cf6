/* Where photos come from: the buttons. The camera's is there where the browser has one. */
import { cameraIsOffered, openCamera } from './camera.js';
import { h } from './dom.js';
import { photosOf } from './drop.js';
import { openImagePicker } from './image_picker.js';
import { button } from './ui.js';

/* {element, close}. `take` gets what a person chose, as photosOf() gives it, or {photos} alone. */
export function photoSources(take) {
    let closeDialog = () => {};

    async function onFiles() {
        const chosen = await photosOf(Array.from(input.files));
        input.value = ''; /* the same ones can be chosen again */
        take(chosen);
    }

    function onImages() {
        closeDialog = openImagePicker((photos) => take({ photos }));
    }

    function onCamera() {
        closeDialog = openCamera((photo) => take({ photos: [photo] }));
    }

    const input = h('input', { type: 'file', multiple: true, accept: 'image/*,.heic,.heif', hidden: true,
        'aria-label': 'Photos', on: { change: onFiles } });
    const element = h('div', { class: 'classify-sources' },
        h('p', { class: 'classify-hint' }, 'Drop photos or a folder anywhere here, or paste one'),
        h('div', { class: 'row' },
            button('Choose photos', () => input.click(), 'primary'),
            button('Broker’s images', onImages),
            cameraIsOffered() ? button('Camera', onCamera) : null),
        input);
    return { element, close: () => closeDialog() };
}
