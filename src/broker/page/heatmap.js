/* The confusion matrix as a heat map: a row for each class that a photo is, a column for each that was seen. A cell is
 * its count, coloured by its share of the row; one that holds photos is a button that opens them. Tab goes to one of
 * these, the one that had the focus last, and arrow keys go from one to the other: left and right through all of them
 * as they are read, up and down within a column. */
import { attribute, h } from './dom.js';
import { count, plural } from './format.js';

const NARROW = 8; /* with more classes the columns' names stand upright */

function cell(classes, row, column, number, sum, open) {
    const share = sum > 0 ? number / sum : 0;
    const [label, predicted] = [classes[row], classes[column]];
    const kind = number === 0 ? 'none' : row === column ? 'right' : 'wrong';
    const name = `${plural(number, 'photo')} of ${label} seen as ${predicted}`;
    const click = () => open(label, predicted, number);
    const content = number > 0 && open ?
        h('button', { type: 'button', tabindex: -1, 'aria-label': name, title: name, on: { click } }, count(number)) :
        h('span', {}, count(number));
    const element = h('td', { class: `heat ${kind}` }, content);
    element.style.setProperty('--share', `${Math.round(100 * share)}%`);
    return element;
}

function inColumn(row, column, step) {
    let to = null;
    while (row && !to) {
        row = step < 0 ? row.previousElementSibling : row.nextElementSibling;
        to = row?.cells[column].querySelector('button');
    }
    return to;
}

/* The button that an arrow key leads to from this one; null: there is none. */
function next(from, key) {
    const step = { ArrowLeft: -1, ArrowUp: -1, ArrowRight: 1, ArrowDown: 1 }[key];
    if (key === 'ArrowUp' || key === 'ArrowDown')
        return inColumn(from.closest('tr'), from.closest('td').cellIndex, step);
    const all = [...from.closest('tbody').querySelectorAll('button')];
    return all[all.indexOf(from) + step] ?? null;
}

function onKey(event) {
    if (!/^Arrow(Left|Right|Up|Down)$/.test(event.key) || !event.target.matches('button'))
        return;
    event.preventDefault();
    next(event.target, event.key)?.focus();
}

/* open(label, predicted, number) shows a cell's photos; null: they are not to be had. */
export function heatMap(classes, matrix, open) {
    const head = h('tr', {}, h('td', { class: 'corner' }, 'is ↓ seen →'),
        classes.map((name) => h('th', { scope: 'col', title: name }, h('span', {}, name))));
    const rows = matrix.map((numbers, row) => {
        const sum = numbers.reduce((all, number) => all + number, 0);
        return h('tr', {}, h('th', { scope: 'row', title: classes[row] }, classes[row]),
            numbers.map((number, column) => cell(classes, row, column, number, sum, open)));
    });
    const body = h('tbody', { on: { keydown: onKey, focusin: (event) => letTabReach(event.target) } }, rows);
    let reached = null;

    function letTabReach(cellButton) {
        attribute(reached ?? cellButton, 'tabindex', -1);
        attribute(cellButton, 'tabindex', 0);
        reached = cellButton;
    }

    const table = h('table', { class: classes.length > NARROW ? 'heat-map upright' : 'heat-map' },
        h('caption', { class: 'visually-hidden' }, 'Test images by what they are (rows) and what was seen (columns)'),
        h('thead', {}, head), body);
    const first = body.querySelector('button');
    if (first)
        letTabReach(first);
    return h('div', { class: 'scroll', tabindex: 0, role: 'region', 'aria-label': 'Heat map' }, table);
}
