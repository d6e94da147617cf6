/* Small pictures of photos: of the broker's by GET /image?width=, of files by decoding them here, a few at a time and
 * no larger than they are shown. What the browser cannot show (HEIC, a broken file) is a plain box with its name. */
import { url } from './api.js';
import { h, text } from './dom.js';
import { scaled } from './scale.js';
import { createSlots } from './slots.js';

const SMALL_FILE = 64 * 1024; /* decoded as it is, without a thumbnail of it */
const LARGE_FILE = 4 * 1024 * 1024; /* never decoded whole for the single view */
const THUMBNAIL_WIDTH = 320;
const LARGE_WIDTH = 1600;
const THUMBNAILS_MAX = 1000; /* of files, kept; some 10 kB each */
const PASSING_MS = 60; /* a cell that is gone again after that was only scrolled past */
const RETRY_MS = 1500;

const network = createSlots(4);
const decoding = createSlots(2);
const kept = new Set(); /* photos with a thumbnail, those used last at the end */

function imageUrl(path, width) {
    return url(`/image?imagePath=${encodeURIComponent(path)}&width=${width}`);
}

function sleep(ms) {
    return new Promise((resolve) => setTimeout(resolve, ms));
}

/* Resolves to whether it can be seen. */
function load(image, address) {
    return new Promise((resolve) => {
        image.onload = () => resolve(true);
        image.onerror = () => resolve(false);
        image.src = address;
        image.abandon = () => {
            image.removeAttribute('src');
            resolve(false);
        };
    });
}

async function loadBlob(image, blob) {
    const address = URL.createObjectURL(blob);
    const seen = await load(image, address);
    URL.revokeObjectURL(address);
    return seen;
}

async function thumbnailOf(photo) {
    if (photo.file.size <= SMALL_FILE)
        return photo.file;
    photo.thumbnail ??= await scaled(photo.file, THUMBNAIL_WIDTH);
    kept.delete(photo);
    kept.add(photo);
    if (kept.size > THUMBNAILS_MAX)
        forgetThumbnail(kept.values().next().value);
    return photo.thumbnail;
}

export function forgetThumbnail(photo) {
    photo.thumbnail = null;
    kept.delete(photo);
}

async function show(photo, image, cancelled) {
    if (photo.file)
        return loadBlob(image, await thumbnailOf(photo));
    const address = imageUrl(photo.path, devicePixelRatio > 1.25 ? 320 : 160);
    if (await load(image, address) || cancelled())
        return true;
    await sleep(RETRY_MS); /* the broker scales one at a time, and may have had enough to do */
    return cancelled() || load(image, address);
}

/* {element, close}: a box that fills its place; the picture comes when there is room to load it. */
export function preview(photo) {
    const image = h('img', { class: 'preview-image', alt: '', decoding: 'async', draggable: 'false' });
    const name = h('span', { class: 'preview-name', hidden: true });
    const element = h('span', { class: 'preview' }, image, name);
    let cancel = () => {};
    const timer = setTimeout(() => {
        cancel = (photo.file ? decoding : network).run(async (cancelled) => {
            const seen = await show(photo, image, cancelled);
            if (cancelled())
                return;
            image.classList.toggle('is-there', seen);
            name.hidden = seen;
            text(name, seen ? '' : photo.name);
        });
    }, PASSING_MS);
    return {
        element,
        close() {
            clearTimeout(timer);
            cancel();
            image.abandon?.();
        },
    };
}

/* The same, as large as the view has room for. */
export function largePicture(photo) {
    const image = h('img', { class: 'large-image', alt: photo.name, decoding: 'async', draggable: 'false' });
    const name = h('span', { class: 'preview-name', hidden: true });
    const element = h('div', { class: 'large-picture' }, image, name);
    let address = null;
    let closed = false;

    async function begin() {
        let source = photo.path && imageUrl(photo.path, 1024);
        if (photo.file) {
            const blob = photo.file.size > LARGE_FILE ? await scaled(photo.file, LARGE_WIDTH) : photo.file;
            if (closed)
                return;
            address = URL.createObjectURL(blob);
            source = address;
        }
        const seen = await load(image, source);
        if (closed)
            return;
        image.hidden = !seen;
        name.hidden = seen;
        text(name, `${photo.name} cannot be shown here`);
    }
    begin();
    return {
        element,
        close() {
            closed = true;
            image.abandon?.();
            if (address)
                URL.revokeObjectURL(address);
        },
    };
}
