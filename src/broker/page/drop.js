/* Photos that are dropped anywhere in a view or pasted while it is open; whole folders too. What is no image is counted
 * and left out, no more is read than may be taken, and what is not taken is told:
 *
 *     {photos, leftOut, unread, over, isCut}: leftOut are the names of what is no image, unread those of files and
 *     folders that could not be read; `over` counts the images beyond PHOTOS_MAX, and isCut says that there is more,
 *     which was not looked at. */
import { h } from './dom.js';
import { PHOTOS_MAX, isImageFile, photoOfFile } from './photos.js';

const DEPTH_MAX = 16;
const SEEN_MAX = 10 * PHOTOS_MAX; /* files in the folders that are looked at */

/* null: it cannot be read. */
function readEntries(reader) {
    return new Promise((resolve) => reader.readEntries(resolve, () => resolve(null)));
}

function fileOf(entry) {
    return new Promise((resolve) => entry.file(resolve, () => resolve(null)));
}

function pathOf(entry) {
    return entry.fullPath.replace(/^\//, '');
}

function seen({ photos, leftOut, unread, over }) {
    return photos.length + leftOut.length + unread.length + over;
}

async function collectFile(entry, taken) {
    const isFull = taken.photos.length >= PHOTOS_MAX;
    const file = isFull ? { name: entry.name, type: '' } : await fileOf(entry);
    if (file)
        add(file, pathOf(entry), taken);
    else
        taken.unread.push(pathOf(entry));
}

async function collectFolder(entry, depth, taken) {
    const reader = entry.createReader();
    let found = depth < DEPTH_MAX ? await readEntries(reader) : null;
    while (found?.length && !taken.isCut) {
        for (const inner of found)
            await collect(inner, depth + 1, taken);
        found = await readEntries(reader);
    }
    if (!found)
        taken.unread.push(pathOf(entry));
}

async function collect(entry, depth, taken) {
    if (entry.name.startsWith('.'))
        return;
    taken.isCut ||= seen(taken) >= SEEN_MAX;
    if (taken.isCut)
        return;
    if (entry.isFile)
        await collectFile(entry, taken);
    else
        await collectFolder(entry, depth, taken);
}

function add(file, name, taken) {
    if (!isImageFile(file))
        taken.leftOut.push(name || file.name);
    else if (taken.photos.length < PHOTOS_MAX)
        taken.photos.push(photoOfFile(file, name || file.name));
    else
        taken.over++;
}

/* Of the files of an input, a drop or a clipboard. */
export async function photosOf(transfer) {
    const taken = { photos: [], leftOut: [], unread: [], over: 0, isCut: false };
    /* Both lists are gone after the first await. */
    const files = Array.from(transfer.files ?? transfer);
    const entries = Array.from(transfer.items ?? [], (item) => item.webkitGetAsEntry?.()).filter(Boolean);
    if (entries.some((entry) => entry.isDirectory)) {
        for (const entry of entries)
            await collect(entry, 0, taken);
    } else {
        for (const file of files)
            add(file, '', taken);
    }
    return taken;
}

function hasFiles(transfer) {
    return Array.from(transfer?.types ?? []).includes('Files');
}

/* `take` is called with what comes, as photosOf() gives it. Returns what ends it. */
export function acceptPhotos(view, take) {
    const veil = h('div', { class: 'drop-veil', hidden: true, 'aria-hidden': 'true' }, h('p', {}, 'Drop to classify'));

    /* It comes all the time while something is dragged over the page. */
    function over(event) {
        if (!hasFiles(event.dataTransfer))
            return;
        event.preventDefault();
        event.dataTransfer.dropEffect = 'copy';
        veil.hidden = false;
    }

    /* For each element on the way; of the page itself it has no other. */
    function leave(event) {
        veil.hidden ||= !event.relatedTarget;
    }

    async function drop(event) {
        veil.hidden = true;
        if (!hasFiles(event.dataTransfer))
            return;
        event.preventDefault();
        take(await photosOf(event.dataTransfer));
    }

    async function paste(event) {
        if (!event.clipboardData?.files.length || event.target.closest?.('input, textarea, dialog'))
            return;
        event.preventDefault();
        take(await photosOf(event.clipboardData.files));
    }

    /* On the document: a photo that misses the view would else replace the page. */
    const handlers = { dragenter: over, dragover: over, dragleave: leave, drop, paste };
    for (const [type, handler] of Object.entries(handlers))
        document.addEventListener(type, handler);
    view.append(veil);
    return () => {
        for (const [type, handler] of Object.entries(handlers))
            document.removeEventListener(type, handler);
        veil.remove();
    };
}
