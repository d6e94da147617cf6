/* One photo and what its models say of it: the photo left, the bars right, and who answered how fast. */
import { fill, h, text } from './dom.js';
import { decimal } from './format.js';
import { isDone, modelsDiffer } from './photos.js';
import { largePicture } from './previews.js';
import { bars, button } from './ui.js';

const WAITING = {
    waiting: 'Waiting for its turn',
    asking: 'Asking',
    stopped: 'Stopped before it was asked',
};

function timeOf(ms) {
    return ms < 999.5 ? `${decimal(ms, ms < 9.95 ? 1 : 0)} ms` : `${decimal(ms / 1000, 1)} s`;
}

function footOf(answer) {
    const line = h('p', { class: 'answer-foot' }, timeOf(answer.ms), answer.node ? ` at ${answer.node}` : '');
    if (answer.nodeMs !== null)
        line.title = `${timeOf(answer.nodeMs)} from the broker's question to the node's answer`;
    return line;
}

function bodyOf(answer, retry) {
    if (isDone(answer))
        return [h('p', { class: 'answer-class' }, answer.top[0][0]), bars(answer.top), footOf(answer)];
    if (answer?.state === 'failed')
        return [h('p', { class: 'answer-error' }, answer.error), button('Try again', retry)];
    const line = h('p', { class: 'answer-wait' }, WAITING[answer?.state] ?? 'Not asked yet');
    return answer?.state === 'stopped' ? [line, button('Ask now', retry)] : [line];
}

function verdictOf(differ, areDone) {
    if (differ)
        return '≠ The two models differ';
    return areDone ? '= Both see the same' : '';
}

/* {element, update, close}. `retry` asks once more what failed or was stopped. */
export function answerView(photo, questions, retry) {
    const picture = largePicture(photo);
    const verdict = h('p', { class: 'answer-verdict', hidden: questions.length < 2 });
    const parts = questions.map((question) => ({
        question,
        body: h('div', { class: 'answer-body' }),
        shown: null,
    }));
    const element = h('div', { class: questions.length > 1 ? 'answer has-two' : 'answer' },
        h('figure', { class: 'answer-photo' }, picture.element, h('figcaption', { title: photo.name }, photo.name)),
        h('div', { class: 'answer-side', 'aria-live': 'polite' }, verdict, parts.map(({ question, body }) =>
            h('section', { class: 'answer-model', 'aria-label': `Model ${question.model}` },
                h('h2', {}, question.model), body))));

    function update() {
        for (const part of parts) {
            const answer = photo.answers.get(part.question.key);
            const state = `${answer?.state} ${answer?.error}`;
            if (part.shown !== state)
                fill(part.body, bodyOf(answer, retry));
            part.shown = state;
        }
        const differ = modelsDiffer(photo, questions);
        verdict.classList.toggle('is-warning', differ);
        text(verdict, verdictOf(differ, questions.every(({ key }) => isDone(photo.answers.get(key)))));
    }

    update();
    return { element, update, close: picture.close };
}
