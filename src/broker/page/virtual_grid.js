/* A grid of many equal cells of which only those in sight are in the document: 10,000 photos scroll like forty. It
 * scrolls with whatever it lies in. Each cell lies where its index says, so none moves when others come or go, and the
 * one that has the focus stays in the document when it is scrolled away.
 *
 *     const grid = virtualGrid({label: 'Images', width: 168, height: 208, make: (item) => ({element, update, close})});
 *     grid.show(items)       another list, or another order; cells of items that stay in sight are kept
 *     grid.update(item)      calls the cell's update, where it is in sight
 *
 * `make` gives a cell: its element, and optionally `update()` and `close()`, which is called when it goes. Arrow keys,
 * Home and End move the focus between the cells' first buttons. */
import { h } from './dom.js';

const GAP = 16;
const ROWS_AHEAD = 2; /* above and below what is in sight, so that Tab and the arrow keys find the next row there */

export function virtualGrid({ label, width, height, make }) {
    const element = h('ul', { class: 'virtual-grid', role: 'list', 'aria-label': label });
    const cells = new Map(); /* item → {element, update, close}, in the document */
    let items = [];
    let places = new Map(); /* item → index */
    let columns = 1;
    let cellWidth = width;
    let frame = 0;

    const pitch = height + GAP;

    function place(cell, index) {
        cell.index = index;
        const x = (index % columns) * (cellWidth + GAP);
        const y = Math.floor(index / columns) * pitch;
        cell.element.style.setProperty('transform', `translate(${x}px, ${y}px)`);
        cell.element.style.setProperty('width', `${cellWidth}px`);
        cell.element.setAttribute('aria-posinset', index + 1);
        cell.element.setAttribute('aria-setsize', items.length);
    }

    function remove(item, cell) {
        cells.delete(item);
        cell.close?.();
        cell.element.remove();
    }

    /* The indices that are to be in the document, ascending; `also` is one of them. */
    function wanted(also) {
        const top = -element.getBoundingClientRect().top;
        const first = Math.max(0, (Math.floor(top / pitch) - ROWS_AHEAD) * columns);
        const last = Math.min(items.length, (Math.floor((top + innerHeight) / pitch) + 1 + ROWS_AHEAD) * columns);
        const found = new Set(also === undefined ? [] : [also]);
        for (let index = first; index < last; index++)
            found.add(index);
        for (const [item, cell] of cells) {
            if (places.has(item) && cell.element.contains(document.activeElement))
                found.add(places.get(item));
        }
        return [...found].sort((a, b) => a - b);
    }

    function render(also) {
        cancelAnimationFrame(frame);
        frame = 0;
        const indices = wanted(also);
        const keep = new Set(indices.map((index) => items[index]));
        for (const [item, cell] of cells)
            if (!keep.has(item))
                remove(item, cell);
        let before = element.firstChild;
        for (const index of indices) {
            const item = items[index];
            let cell = cells.get(item);
            if (!cell) {
                const made = make(item);
                cell = { ...made, element: h('li', { class: 'virtual-cell' }, made.element) };
                cell.element.style.setProperty('height', `${height}px`);
                cells.set(item, cell);
                place(cell, index);
            }
            if (cell.element === before)
                before = before.nextSibling;
            else
                element.insertBefore(cell.element, before);
        }
    }

    function layout() {
        const room = element.clientWidth;
        columns = Math.max(1, Math.floor((room + GAP) / (width + GAP)));
        cellWidth = Math.max(1, Math.floor((room - GAP * (columns - 1)) / columns));
        element.style.setProperty('height', `${Math.max(0, Math.ceil(items.length / columns) * pitch - GAP)}px`);
        for (const [item, cell] of cells)
            if (places.has(item))
                place(cell, places.get(item));
        render();
    }

    function renderSoon() {
        frame ||= requestAnimationFrame(() => render());
    }

    function focusAt(index) {
        if (index < 0 || index >= items.length)
            return;
        render(index);
        const cell = cells.get(items[index]).element;
        cell.querySelector('button')?.focus({ preventScroll: true });
        cell.scrollIntoView({ block: 'nearest' });
    }

    function onKey(event) {
        const cell = event.target.closest('.virtual-cell');
        const index = cell ? Number(cell.getAttribute('aria-posinset')) - 1 : -1;
        const steps = { ArrowLeft: -1, ArrowRight: 1, ArrowUp: -columns, ArrowDown: columns,
                                        Home: -index, End: items.length - 1 - index };
        if (index < 0 || !(event.key in steps) || event.altKey || event.ctrlKey || event.metaKey)
            return;
        event.preventDefault();
        focusAt(index + steps[event.key]);
    }

    const resized = new ResizeObserver(layout);
    resized.observe(element);
    document.addEventListener('scroll', renderSoon, { capture: true, passive: true });
    addEventListener('resize', renderSoon);
    element.addEventListener('keydown', onKey);

    return {
        element,
        show(list) {
            items = list;
            places = new Map(list.map((item, index) => [item, index]));
            /* The order in the document is that of the indices: cells that would change places are made anew. */
            const shown = [...cells].sort(([, a], [, b]) => a.index - b.index);
            let last = -1;
            for (const [item, cell] of shown) {
                const index = places.get(item) ?? -1;
                if (index <= last)
                    remove(item, cell);
                else
                    last = index;
            }
            layout();
        },
        update(item) {
            cells.get(item)?.update?.();
        },
        updateAll() {
            for (const cell of cells.values())
                cell.update?.();
        },
        focus(item) {
            layout(); /* it may have been put into the document just now */
            if (places.has(item))
                focusAt(places.get(item));
        },
        close() {
            cancelAnimationFrame(frame);
            resized.disconnect();
            document.removeEventListener('scroll', renderSoon, { capture: true });
            removeEventListener('resize', renderSoon);
            for (const [item, cell] of cells)
                remove(item, cell);
        },
    };
}
