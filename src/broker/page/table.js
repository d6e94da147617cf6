/* A table that is sorted by its heads and shown in pages. Rows are kept by key and brought up to date in place. While
 * the pointer or the focus is on it nothing moves: its order stays, and what is new waits behind a button that says how
 * much it is.
 *
 * columns: [{title, sort(item), make(), update(cell, item), number, wide, hidden}]: `sort` gives a number or a text to
 * sort by (none: the head is no button), `make` the content of a new cell, `number` aligns to the right, `wide` is left
 * out on a phone, `hidden` shows the title to screen readers alone. */
import { attribute, h, keyed, text } from './dom.js';
import { count } from './format.js';
import { button, setUsable } from './ui.js';

const PAGE = 25;
const collator = new Intl.Collator(undefined, { numeric: true, sensitivity: 'base' });
const remembered = new Map(); /* by label: how it was sorted and where one was, for who comes back */

/* What is not known comes last, whichever way it is sorted. */
function compare(a, b, up) {
    const none = (value) => value === null || value === undefined || value === '';
    if (none(a) || none(b))
        return Number(none(a)) - Number(none(b));
    const order = typeof a === 'number' && typeof b === 'number' ? a - b : collator.compare(String(a), String(b));
    return up ? order : -order;
}

function cellClass(column) {
    return [column.number && 'number', column.wide && 'wide', column.class].filter(Boolean).join(' ') || null;
}

/* {label, columns, key(item), sorted: {column, up}, words(number): how many there are, load(), changed(sorted)}.
 * Answers {element, update(items, more), release(), sorted: {column, up, page}}: `more` of them are not loaded; load()
 * is called when one turns beyond what is, and promises that some were; changed(sorted) is called when a head was
 * pressed; release() shows what waits. */
export function table({ label, columns, key, sorted, words, load, changed }) {
    const state = remembered.get(label) ?? { ...sorted, page: 0 };
    remembered.set(label, state);
    let items = [], more = 0;
    let held = null; /* the keys in the order that is kept; null: nothing is */

    const heads = columns.map((column, i) => {
        const head = h('th', { scope: 'col', class: cellClass(column) });
        const name = column.hidden ? h('span', { class: 'visually-hidden' }, column.title) : column.title;
        head.append(column.sort ? h('button', { type: 'button', class: 'sort', on: { click: () => sortBy(i) } }, name) :
            h('span', {}, name));
        return head;
    });
    const body = h('tbody', {});
    const frame = h('div', { class: 'table-frame' },
        h('table', { 'aria-label': label }, h('thead', {}, h('tr', {}, heads)), body));
    const range = h('p', { class: 'muted', role: 'status' });
    const fresh = button('', release, 'small');
    const back = button('Previous', () => turn(-1), 'small'), next = button('Next', () => turn(1), 'small');
    const turns = h('div', { class: 'row' }, back, next);
    const element = h('div', { class: 'table' }, frame,
        h('div', { class: 'pager' }, range, fresh, turns));

    function sortedItems() {
        const { sort } = columns[state.column];
        const values = new Map(items.map((item) => [item, sort(item)]));
        return [...items].sort((a, b) => compare(values.get(a), values.get(b), state.up) ||
            compare(key(a), key(b), state.up));
    }

    function inOrder() {
        if (!held)
            return sortedItems();
        const known = new Map(items.map((item) => [key(item), item]));
        return held.map((id) => known.get(id)).filter(Boolean);
    }

    function draw() {
        const ordered = inOrder();
        const pages = Math.max(1, Math.ceil((ordered.length + more) / PAGE));
        const waiting = items.length - ordered.length;
        state.page = Math.min(state.page, Math.max(0, Math.ceil(ordered.length / PAGE) - 1));
        const first = state.page * PAGE;
        const page = ordered.slice(first, first + PAGE);
        keyed(body, page, key, makeRow, updateRow);
        heads.forEach((head, i) => columns[i].sort && attribute(head, 'aria-sort',
            i === state.column ? state.up ? 'ascending' : 'descending' : 'none'));
        text(range, page.length && pages > 1 ?
            `${count(first + 1)}–${count(first + page.length)} of ${words(ordered.length + more)}` :
            words(ordered.length + more));
        attribute(fresh, 'data-off', waiting > 0 ? null : 'yes');
        fresh.disabled = waiting <= 0;
        text(fresh, waiting > 0 ? `Show ${count(waiting)} new` : 'None new');
        attribute(turns, 'data-off', pages > 1 ? null : 'yes');
        setUsable(back, state.page > 0);
        setUsable(next, state.page < pages - 1);
    }

    function makeRow() {
        return h('tr', {}, columns.map((column) => h('td', { class: cellClass(column) }, column.make?.())));
    }

    function updateRow(row, item) {
        columns.forEach((column, i) => column.update(row.children[i], item));
    }

    function hold() {
        held ??= sortedItems().map(key);
    }

    function isInUse() {
        return frame.matches(':hover') || frame.contains(document.activeElement);
    }

    /* What waited is shown, in its place. */
    function release() {
        held = null;
        draw();
        if (isInUse())
            hold();
    }

    function letGo() {
        if (held && !isInUse())
            release();
    }

    function sortBy(column) {
        state.up = state.column === column ? !state.up : !columns[column].number;
        state.column = column;
        state.page = 0;
        release();
        changed?.(state);
    }

    async function turn(step) {
        const end = (state.page + step + 1) * PAGE;
        if (step > 0 && more && inOrder().length < end) {
            setUsable(next, false);
            await load().catch(() => {}); /* who loads says so; what is there is shown */
        }
        state.page = Math.max(0, state.page + step);
        release();
        frame.scrollIntoView({ block: 'nearest' });
    }

    frame.addEventListener('pointerenter', hold);
    frame.addEventListener('focusin', hold);
    frame.addEventListener('pointerleave', letGo);
    frame.addEventListener('focusout', () => setTimeout(letGo));
    return {
        element,
        sorted: state,
        release,
        update(list, notLoaded = 0) {
            items = list;
            more = notLoaded;
            draw();
        },
    };
}
