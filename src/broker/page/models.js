/* The models as a table: how good, how large, where, and what can be done with them. */
import { savedResult } from './curves.js';
import { deleteModel } from './model_delete.js';
import { downloadLinks } from './downloads.js';
import { attribute, fill, h, text } from './dom.js';
import { bytes, percent, plural, setAgo } from './format.js';
import { placesTabs } from './places_tabs.js';
import { report } from './reports.js';
import { AGAIN_MS, mayComeYet } from './retry.js';
import { href, title } from './router.js';
import { holders, note, store, watch } from './store.js';
import { table } from './table.js';
import { networkName } from './train_request.js';
import { button, buttonLink, empty, noticePlace } from './ui.js';

const ACCURACY = 2, MADE = 5; /* columns */
const accuracies = new Map(); /* by model: {value: null where it is not known, asked: a promise, failed} */
let again = 0;

async function ask(model, accuracy) {
    try {
        const told = await report(model);
        accuracy.value = Array.isArray(told.results) ? savedResult(told.results, told)?.test_accuracy ?? null : null;
        note('model', model.name);
    } catch (error) {
        /* A model that was put there by hand has no report, and for that nobody is asked. */
        accuracy.failed = mayComeYet(error);
        if (accuracy.failed)
            again ||= setTimeout(askAgain, AGAIN_MS, model.name);
    }
}

/* What could not be had is asked for again: when it is to be seen. */
function forgetFailed() {
    clearTimeout(again);
    again = 0;
    for (const [key, { failed }] of accuracies)
        if (failed)
            accuracies.delete(key);
}

/* While the broker is not reached it waits for that. */
function askAgain(name) {
    again = 0;
    if (!store.live)
        return;
    forgetFailed();
    note('model', name);
}

watch(['live'], () => store.live && forgetFailed());

/* It is asked for when it is to be seen first. */
function accuracyEntry(model) {
    const key = `${model.name} ${model.sha256} ${model.job}`; /* its job may be told later than the model */
    if (!accuracies.has(key)) {
        const accuracy = { value: null };
        accuracy.asked = ask(model, accuracy);
        accuracies.set(key, accuracy);
    }
    return accuracies.get(key);
}

function accuracyOf(model) {
    return accuracyEntry(model).value;
}

function madeAt(model) {
    return model.completed ?? null;
}

function nodesText(model) {
    return holders(model.name).map((node) => node.name).join(', ') || 'none';
}

function columns(place) {
    const link = (cell, where, words) => {
        attribute(cell.firstChild, 'href', where);
        text(cell.firstChild, words);
    };
    return [
        { title: 'Name', class: 'main', sort: (model) => model.name, make: () => h('a', {}),
            update: (cell, model) => link(cell, href('models', model.name), model.name) },
        { title: 'Network', wide: true, sort: (model) => model.type ?? '',
            update: (cell, model) => text(cell, model.type ? networkName(model.type) : '–') },
        { title: 'Test accuracy', number: true, sort: accuracyOf,
            update: (cell, model) => text(cell, percent(accuracyOf(model) ?? undefined)) },
        { title: 'Size', number: true, wide: true, sort: (model) => model.bytes ?? null,
            update: (cell, model) => text(cell, bytes(model.bytes)) },
        { title: 'Nodes', wide: true, class: 'short', sort: (model) => holders(model.name).length,
            update: (cell, model) => {
                text(cell, nodesText(model));
                attribute(cell, 'title', cell.textContent);
            } },
        { title: 'Made', wide: true, sort: madeAt, make: () => h('time', {}),
            update: (cell, model) => setAgo(cell.firstChild, madeAt(model)) },
        { title: 'Download', wide: true, make: () => h('span', { class: 'links' }),
            update: (cell, model) => cell.firstChild.childElementCount ||
                fill(cell.firstChild, downloadLinks(model.name)) },
        { title: 'Actions', hidden: true, class: 'actions', make: () => h('span', { class: 'row' }),
            update: (cell, model) => cell.firstChild.childElementCount || fill(cell.firstChild,
                buttonLink('Try', `#/classify?model=${encodeURIComponent(model.name)}`, 'small',
                    { 'aria-label': `Classify with ${model.name}` }),
                button('Delete', () => deleteModel(model.name, place), 'small danger',
                    { 'aria-label': `Delete ${model.name}` })) },
    ];
}

export function open(main) {
    const place = noticePlace();
    const list = table({ label: 'Models', columns: columns(place), key: (model) => model.name,
        sorted: { column: MADE, up: false }, words: (number) => plural(number, 'model'), changed });
    const none = empty('A model is what a training makes. There is none yet.', { href: '#/train', text: 'Train one' });
    none.hidden = list.element.hidden = true;

    /* Sorted by what is not known yet: again when it is. */
    async function changed({ column }) {
        if (column !== ACCURACY)
            return;
        await Promise.all([...store.models.values()].map((model) => accuracyEntry(model).asked));
        list.release();
    }

    function update() {
        if (!store.ready)
            return;
        none.hidden = store.models.size > 0;
        list.element.hidden = !none.hidden;
        list.update([...store.models.values()]);
    }

    title('Models');
    forgetFailed();
    main.append(placesTabs('models'), place.element, list.element, none);
    const stop = watch(['model', 'node', 'live', 'job'], update);
    update();
    return stop;
}
