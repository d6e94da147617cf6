/* The confusion matrix as a heat map: a row for each class that a photo is, a column for each that was seen. A cell is
 * its count, coloured by its share of the row; one that holds photos is a button that opens them. Arrow keys go from
 * cell to cell. */
import { h } from './dom.js';
import { count, plural } from './format.js';

const NARROW = 8; /* with more classes the columns' names stand upright */

function cell(classes, row, column, number, sum, open) {
    const share = sum > 0 ? number / sum : 0;
    const [label, predicted] = [classes[row], classes[column]];
    const kind = number === 0 ? 'none' : row === column ? 'right' : 'wrong';
    const name = `${plural(number, 'photo')} of ${label} seen as ${predicted}`;
    const click = () => open(label, predicted, number);
    const content = number > 0 && open ?
        h('button', { type: 'button', 'aria-label': name, title: name, on: { click } }, count(number)) :
        h('span', {}, count(number));
    const element = h('td', { class: `heat ${kind}` }, content);
    element.style.setProperty('--share', `${Math.round(100 * share)}%`);
    return element;
}

const steps = { ArrowLeft: [0, -1], ArrowRight: [0, 1], ArrowUp: [-1, 0], ArrowDown: [1, 0] };

/* To the next cell in the direction of the key that is a button. */
function onKey(event) {
    const step = steps[event.key];
    const from = event.target.closest('td');
    if (!step || !from)
        return;
    event.preventDefault();
    let row = from.parentElement;
    let column = from.cellIndex;
    let to = null;
    while (row && row.cells[column] && !to) {
        if (step[0])
            row = step[0] < 0 ? row.previousElementSibling : row.nextElementSibling;
        column += step[1];
        to = row?.cells[column]?.querySelector('button');
    }
    to?.focus();
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
    const table = h('table', { class: classes.length > NARROW ? 'heat-map upright' : 'heat-map' },
        h('caption', { class: 'visually-hidden' }, 'Test images by what they are (rows) and what was seen (columns)'),
        h('thead', {}, head), h('tbody', { on: { keydown: onKey } }, rows));
    return h('div', { class: 'scroll', tabindex: 0, role: 'region', 'aria-label': 'Heat map' }, table);
}
