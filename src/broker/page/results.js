/* Many photos: a grid with the answers under each. */
import { h, text } from './dom.js';
import { percent } from './format.js';
import { baseName, isDone, modelsDiffer } from './photos.js';
import { preview } from './previews.js';
import { virtualGrid } from './virtual_grid.js';

const CELL_WIDTH = 168;
const CELL_HEIGHT = 224; /* with one model; each further one has a line more */
const LINE_HEIGHT = 22;

function lineOf(answer) {
    if (isDone(answer))
        return { label: answer.top[0][0], figure: percent(answer.top[0][1] * 100), part: answer.top[0][1] };
    if (answer?.state === 'failed')
        return { label: answer.error, figure: '', part: 0 };
    return { label: { asking: 'asking', stopped: 'stopped' }[answer?.state] ?? 'waiting', figure: '', part: 0 };
}

/* {element, update, close}: `open(photo)` shows it alone. */
function makeCell(photo, questions, open) {
    const picture = preview(photo);
    const differ = h('span', { class: 'cell-differ', hidden: true }, '≠ differ');
    const lines = questions.map((question) => {
        const label = h('span', { class: 'cell-class' });
        const figure = h('span', { class: 'cell-figure' });
        const bar = h('span', { class: 'cell-bar', 'aria-hidden': 'true' });
        return { question, label, figure, bar, element: h('span', { class: 'cell-line' }, label, figure, bar) };
    });
    const element = h('button', { type: 'button', class: 'result-cell', on: { click: () => open(photo) } },
        h('span', { class: 'cell-photo' }, picture.element, differ), lines.map((line) => line.element),
        h('span', { class: 'cell-name', title: photo.name }, baseName(photo.name)));

    function update() {
        for (const line of lines) {
            const answer = photo.answers.get(line.question.key);
            const shown = lineOf(answer);
            text(line.label, shown.label);
            text(line.figure, shown.figure);
            line.label.title = shown.label;
            line.element.dataset.state = answer?.state ?? 'waiting';
            line.bar.style.setProperty('--part', String(shown.part));
        }
        differ.hidden = !modelsDiffer(photo, questions);
    }

    update();
    return { element, update, close: picture.close };
}

/* A virtual_grid of photos; `open(photo)` when one is clicked. */
export function resultsGrid(questions, open) {
    return virtualGrid({
        label: 'Photos and their classes',
        width: CELL_WIDTH,
        height: CELL_HEIGHT + LINE_HEIGHT * (questions.length - 1),
        make: (photo) => makeCell(photo, questions, open),
    });
}
