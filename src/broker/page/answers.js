/* What a model answered on its test images, as its node stored it: a page of answers as thumbnails with what each is
 * and what was seen, and large with what came second. */
import { get, path } from './api.js';
import { photoUrl } from './dataset_strip.js';
import { h } from './dom.js';
import { count, percent } from './format.js';
import { openViewer } from './photo_viewer.js';
import { bars, button, notice, noticePlace, photo, setUsable } from './ui.js';

const SIZE = 120;

/* "cow, seen as goat" */
export function seenAs(label, predicted) {
    return label === predicted ? `${label}, seen as that` : `${label}, seen as ${predicted}`;
}

function details({ label, predicted, top, path: file }) {
    const second = top[1];
    return [
        h('p', {}, 'It is ', h('strong', {}, label), '. Seen was ', h('strong', {}, predicted),
            second ? `, and in second place ${second[0]} with ${percent(100 * second[1])}` : '', '.'),
        bars(top),
        h('p', { class: 'muted small file' }, file),
    ];
}

function item(page, answer, photos, i) {
    const words = h('span', { class: 'test-answer-words' },
        h('span', {}, answer.label),
        answer.label === answer.predicted ? null : h('span', { class: 'wrong' }, `seen as ${answer.predicted}`),
        h('span', { class: 'muted' }, percent(100 * (answer.top[0]?.[1] ?? NaN))));
    if (page.stale)
        return h('li', {}, h('span', { class: 'test-answer' }, h('span', { class: 'file small' }, answer.path), words));
    return h('li', {}, h('button', { type: 'button', class: 'test-answer', on: { click: () => openViewer(photos, i) } },
        photo(photos[i].url(2 * SIZE), '', SIZE), words));
}

/* {element, load()}: load() shows the next `limit` answers and resolves to the page, or throws what the request threw.
 * `query` may have label, predicted and wrong. */
export function answerPages(model, query, limit) {
    const list = h('ul', { class: 'test-answers' });
    const place = noticePlace();
    const more = button('', next, null, { hidden: true });
    const photos = [];

    async function load() {
        const asked = new URLSearchParams({ ...query, limit, offset: photos.length });
        const page = await get(`${path('models', model, 'answers')}?${asked}`);
        const from = photos.length;
        if (page.stale)
            place.show('warning', `The photos on ${page.node} are others now: the paths are shown instead.`);
        photos.push(...page.answers.map((answer) => ({
            url: (width) => photoUrl(page.node, page.split, answer.index, width),
            title: seenAs(answer.label, answer.predicted),
            details: () => details(answer),
        })));
        list.append(...page.answers.map((answer, i) => item(page, answer, photos, from + i)));
        more.hidden = !page.answers.length || photos.length >= page.count;
        more.textContent = `Show more (${count(page.count - photos.length)})`;
        return page;
    }

    async function next() {
        setUsable(more, false);
        try {
            await load();
        } catch (error) {
            place.show('error', error.message);
        }
        setUsable(more, true);
    }

    return { element: h('div', { class: 'stack' }, place.element, list, more), load };
}

/* Why there are none to show. */
export function answersMissing(error) {
    if (error.status === 404)
        return h('p', { class: 'muted' }, 'Its answers on the test images were not kept.');
    return notice('error', `Its answers on the test images cannot be shown: ${error.message}`);
}
