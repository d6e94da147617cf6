/* Which model is asked, which one beside it, and at which node. The lists follow what the broker tells; what is chosen
 * stays chosen while it is there. */
import { fill, h } from './dom.js';
import { session } from './session.js';
import { holders, store, watch } from './store.js';
import { field } from './ui.js';

const collator = new Intl.Collator(undefined, { numeric: true });

/* The newest first. */
function modelNames() {
    const newest = (model) => Number(model.job ?? 0);
    return [...store.models.values()].sort((a, b) => newest(b) - newest(a) || collator.compare(a.name, b.name))
        .map((model) => model.name);
}

/* Those that have what is asked; `uploads`: a node of the existing system reads only what lies at the broker. */
function nodeChoices([model, other]) {
    return holders(model).filter((node) => !other || node.models.includes(other))
        .map(({ name, protocol }) => ({ name, uploads: Boolean(protocol) }))
        .sort((a, b) => collator.compare(a.name, b.name));
}

/* The newest model until another is chosen. With photos, what was chosen stays so: a node that is away for a moment,
 * or a broker that was started anew, is no reason to ask all of them something else. */
function settle() {
    if (!store.ready || session.photos.length)
        return;
    const names = modelNames();
    const [model, other] = session.models;
    session.models[0] = names.includes(model) ? model : names[0] ?? null;
    session.models[1] = names.includes(other) && other !== session.models[0] ? other : null;
    if (!nodeChoices(session.models).some((node) => node.name === session.node))
        session.node = '';
}

/* [[value, label], …] with the one that is chosen, also where it is not there. */
function withChosen(list, chosen) {
    const isThere = !chosen || list.some(([value]) => value === chosen);
    return isThere ? list : [...list, [chosen, `${chosen} (away)`]];
}

/* {element, close}. `changed()` when what is asked may be something else, and when models came or went. */
export function modelChoices(changed) {
    const first = h('select', { on: { change: () => choose([first.value, session.models[1]], session.node) } });
    const second = h('select', { on: { change: () => choose([session.models[0], second.value], session.node) } });
    const at = h('select', { on: { change: () => choose(session.models, at.value) } });
    const element = h('div', { class: 'classify-choices' },
        field('Model', first), field('Compare with', second), field('Node', at));
    let shown = '';

    function options(select, given, chosen) {
        const list = withChosen(given, chosen);
        fill(select, list.map(([value, label]) => h('option', { value, selected: value === chosen }, label)));
        select.disabled = list.length < 2;
    }

    function show() {
        const names = modelNames();
        const [model, other] = session.models;
        const nodes = nodeChoices(session.models);
        const state = JSON.stringify([names, session.models, nodes, session.node]);
        if (state === shown)
            return;
        shown = state;
        options(first, names.map((name) => [name, name]), model);
        options(second, [['', 'no other'], ...names.filter((name) => name !== model).map((name) => [name, name])],
            other ?? '');
        options(at, [['', 'any'], ...nodes.map(({ name, uploads }) =>
            [name, uploads ? name : `${name} (the broker’s images only)`])], session.node);
    }

    function choose([model, other], node) {
        session.models = [model || null, other === model ? null : other || null];
        session.node = nodeChoices(session.models).some(({ name }) => name === node) ? node : '';
        update();
    }

    function update() {
        settle();
        show();
        changed();
    }

    const stop = watch(['model', 'node', 'live'], update);
    settle();
    show();
    return { element, close: stop };
}
