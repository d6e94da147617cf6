/* Precision, recall and F1 of each class, as the report has them, in the order that a heading is pressed for. */
import { attribute, fill, h } from './dom.js';
import { count, percent } from './format.js';

const columns = [
    ['class', 'Class', null],
    ['images', 'Images', 'test images of the class'],
    ['precision', 'Precision', 'of the images seen as the class, the share that is'],
    ['recall', 'Recall', 'of the images of the class, the share that was seen as that'],
    ['f1', 'F1', 'the harmonic mean of precision and recall'],
];

function shareCell(value) {
    const cell = h('td', { class: 'number share' }, percent(100 * value));
    cell.style.setProperty('--share', `${Math.round(100 * (value || 0))}%`);
    return cell;
}

function row(figures) {
    return h('tr', {}, h('th', { scope: 'row' }, figures.class), h('td', { class: 'number' }, count(figures.images)),
        shareCell(figures.precision), shareCell(figures.recall), shareCell(figures.f1));
}

export function classTable(perClass) {
    const body = h('tbody', {}, perClass.map(row));
    const heads = columns.map(([name, label, meaning]) =>
        h('th', { scope: 'col', class: name === 'class' ? null : 'number' },
            h('button', { type: 'button', title: meaning, on: { click: () => sortBy(name) } }, label)));

    /* The lowest first; pressed again, the highest. */
    function sortBy(name) {
        const head = heads[columns.findIndex(([one]) => one === name)];
        const down = head.getAttribute('aria-sort') === 'ascending';
        const order = (a, b) => name === 'class' ? a.class.localeCompare(b.class) : a[name] - b[name];
        fill(body, [...perClass].sort((a, b) => down ? order(b, a) : order(a, b)).map(row));
        for (const one of heads)
            attribute(one, 'aria-sort', one === head ? (down ? 'descending' : 'ascending') : null);
    }

    return h('div', { class: 'scroll', tabindex: 0, role: 'region', 'aria-label': 'Class by class' },
        h('table', { class: 'class-table', 'aria-label': 'Figures by class' },
            h('thead', {}, h('tr', {}, heads)), body));
}
