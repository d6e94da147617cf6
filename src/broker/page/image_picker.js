/* Choosing from the broker's images: a dialog with a filter and all of them as thumbnails, of which several can be
 * chosen. Clicking with Shift chooses all from the one clicked before. */
import { get } from './api.js';
import { attribute, h, text } from './dom.js';
import { count, plural } from './format.js';
import { baseName, photoOfPath } from './photos.js';
import { preview } from './previews.js';
import { button, field } from './ui.js';
import { virtualGrid } from './virtual_grid.js';

const SHOWN_MAX = 100000; /* browsers draw nothing that lies further down than some ten million pixels */
const LABEL = 'Broker’s images';
const FILTER_MS = 120;
const PHONE = 500; /* pixels, less than which a window has: three images beside each other */

/* Opens the dialog; `take(photos)` with what was chosen. Returns what closes it. */
export function openImagePicker(take) {
    const chosen = new Set(); /* paths */
    let paths = [];
    let shown = [];
    let anchor = null;
    let timer = 0;

    const filter = h('input', { type: 'search', autocomplete: 'off', spellcheck: 'false',
        placeholder: 'part of the path', on: { input: onFilter } });
    const state = h('p', { class: 'picker-state', role: 'status' }, 'Reading the list of images');
    const use = button('Classify', onUse, 'primary', { disabled: true });
    const all = button('Choose all', onAll, null, { disabled: true });
    const width = innerWidth < PHONE ? 96 : 120;
    const grid = virtualGrid({ label: LABEL, width, height: width + 28, make: makeCell });
    const list = h('div', { class: 'picker-list', tabindex: '-1' }, grid.element);
    const dialog = h('dialog', { class: 'dialog picker', 'aria-label': LABEL, on: { close: onClose } },
        h('div', { class: 'picker-head' },
            field('Filter', filter),
            h('div', { class: 'actions' }, all, button('Close', () => dialog.close()), use),
            state),
        list);

    function makeCell(path) {
        const picture = preview(photoOfPath(path));
        const element = h('button', { type: 'button', class: 'picker-cell', title: path, 'aria-label': path,
            on: { click: (event) => onClick(path, event.shiftKey) } },
        picture.element, h('span', { class: 'cell-name' }, baseName(path)));
        const update = () => attribute(element, 'aria-pressed', String(chosen.has(path)));
        update();
        return { element, update, close: picture.close };
    }

    function mark(path, choose) {
        if (choose)
            chosen.add(path);
        else
            chosen.delete(path);
    }

    function onClick(path, toHere) {
        const choose = !chosen.has(path);
        let from = toHere && anchor !== null ? shown.indexOf(anchor) : -1;
        const to = shown.indexOf(path);
        if (from < 0)
            from = to;
        for (let index = Math.min(from, to); index <= Math.max(from, to); index++)
            mark(shown[index], choose);
        anchor = path;
        update();
    }

    function areAllChosen() {
        return shown.length > 0 && shown.every((path) => chosen.has(path));
    }

    function onAll() {
        const choose = !areAllChosen();
        for (const path of shown)
            mark(path, choose);
        update();
    }

    function update() {
        grid.updateAll();
        const part = shown.length < paths.length ? `${count(shown.length)} of ` : '';
        text(state, `${part}${plural(paths.length, 'image')}, ${count(chosen.size)} chosen`);
        text(use, chosen.size > 1 ? `Classify ${count(chosen.size)}` : 'Classify');
        use.disabled = chosen.size === 0;
        text(all, areAllChosen() ? 'Choose none' : 'Choose all');
        all.disabled = shown.length === 0;
    }

    function onFilter() {
        clearTimeout(timer);
        timer = setTimeout(show, FILTER_MS);
    }

    function show() {
        const words = filter.value.toLowerCase().split(/\s+/).filter(Boolean);
        shown = paths.filter((path) => words.every((word) => path.toLowerCase().includes(word))).slice(0, SHOWN_MAX);
        list.scrollTop = 0;
        grid.show(shown);
        update();
    }

    function onUse() {
        const photos = paths.filter((path) => chosen.has(path)).map(photoOfPath);
        dialog.close();
        take(photos);
    }

    function onClose() {
        clearTimeout(timer);
        grid.close();
        dialog.remove();
    }

    async function begin() {
        try {
            const answer = await get('/images');
            paths = Array.isArray(answer.images) ? answer.images.filter((path) => typeof path === 'string') : [];
        } catch (error) {
            text(state, `The list cannot be read: ${error.message}`);
            return;
        }
        if (!dialog.isConnected)
            return;
        show();
        if (!paths.length)
            text(state, 'The broker has no images: it lists those in the folder of its option --images.');
    }

    document.body.append(dialog);
    dialog.showModal();
    begin();
    return () => dialog.close();
}
