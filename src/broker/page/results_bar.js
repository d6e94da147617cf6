/* What stands above many photos: how far it is, stop and go on, what failed, which are shown and in what order, the
 * answers as a file. The order is made when it is chosen and when all is answered: meanwhile nothing moves under the
 * pointer. */
import { ORDERS, showChoices } from './arrange.js';
import { csvOf, download, fileNameOf } from './csv.js';
import { attribute, fill, h, text } from './dom.js';
import { count } from './format.js';
import { title } from './router.js';
import { classification, counts, session } from './session.js';
import { button, field, progress } from './ui.js';

const DRAW_MS = 100;
const SAY_MS = 600; /* a screen reader is not told of each photo */

function wordsOf(found, asked) {
    const words = [`${count(found.done)} of ${count(found.all)} classified`];
    if (asked.length > 1)
        words.push(`${count(found.differ)} differ`);
    if (found.failed)
        words.push(`${count(found.failed)} failed`);
    if (found.stopped)
        words.push(`${count(found.stopped)} stopped`);
    if (classification.isPaused)
        words.push('waiting for the broker');
    return words.join(', ');
}

function options(select, list, chosen) {
    fill(select, list.map(({ name, label }) => h('option', { value: name, selected: name === chosen }, label)));
}

/* {element, update, grown, close}. `arrange()` when other photos or another order are to be shown; `clear()`. */
export function resultsBar(asked, { arrange, clear }) {
    const bar = progress('Photos classified');
    const words = h('p', { class: 'results-words', role: 'status' });
    const show = h('select', { on: { change: onArrange } });
    const order = h('select', { on: { change: onArrange } });
    const halt = button('Stop', onHalt);
    const again = button('', () => classification.want(session.photos, asked, ['failed']), null, { hidden: true });
    const lines = asked.length > 1 ? `The upper line is ${asked[0].model}, the lower one ${asked[1].model}.` : '';
    const element = h('div', { class: 'results-bar' },
        h('div', { class: 'row results-progress' }, words, bar.element, halt, again),
        h('div', { class: 'spread' },
            h('div', { class: 'row results-tools' }, field('Show', show), field('Order', order)),
            h('div', { class: 'row' }, button('Download CSV', onDownload), button('Clear', clear))),
        lines ? h('p', { class: 'small muted' }, lines) : null);
    let wasBusy = classification.isBusy;
    let timer = 0;
    let sayTimer = 0;
    let said = 0;

    function listParts() {
        const parts = showChoices(session.photos, asked);
        if (!parts.some(({ name }) => name === session.show))
            session.show = 'all';
        options(show, parts, session.show);
    }

    function onArrange() {
        session.show = show.value;
        session.order = order.value;
        arrange();
    }

    function onHalt() {
        if (classification.isBusy)
            classification.stop();
        else
            classification.want(session.photos, asked, ['stopped']);
    }

    function onDownload() {
        download(fileNameOf(asked), csvOf(session.photos, asked));
    }

    function say() {
        clearTimeout(sayTimer);
        sayTimer = 0;
        said = performance.now();
        text(words, wordsOf(counts(), asked));
    }

    function draw() {
        const found = counts();
        const busy = classification.isBusy;
        const now = performance.now();
        const part = (found.done + found.failed) / Math.max(1, found.all);
        timer = 0;
        bar.set(part);
        title(busy ? `${Math.floor(part * 100)} % · Classify` : 'Classify');
        if (!busy || now - said >= SAY_MS)
            say();
        else
            sayTimer ||= setTimeout(say, SAY_MS - (now - said)); /* it may be the last change for a while */
        text(halt, busy ? 'Stop' : 'Go on');
        halt.hidden = !busy && !found.stopped;
        text(again, `Try ${count(found.failed)} again`);
        again.hidden = busy || !found.failed;
        attribute(element, 'data-busy', String(busy));
        if (wasBusy && !busy) {
            listParts();
            arrange();
        }
        wasBusy = busy;
    }

    function update() {
        timer ||= setTimeout(draw, DRAW_MS);
    }

    function grown() {
        listParts();
        draw();
    }

    options(order, ORDERS, session.order);
    grown();
    return {
        element,
        update,
        grown,
        close() {
            clearTimeout(timer);
            clearTimeout(sayTimer);
        },
    };
}
