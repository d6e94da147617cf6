/* #/train: the form of a training. A sentence says what will be trained, the photos of the node that it names are shown
 * below, and the rest of the options is behind "More", with the command line that does the same. The form may begin
 * with other values than the defaults: #/train?type=resnet&name=cows&node=node0&resume=cows, any option by its name. */
import { get, post } from './api.js';
import { copyButton } from './copy_button.js';
import { datasetStrip } from './dataset_strip.js';
import { fill, h, text } from './dom.js';
import { optionField, optionsForm } from './options_form.js';
import { retry } from './retry.js';
import { go, href, title } from './router.js';
import { runningList } from './running_list.js';
import { sentence } from './sentence.js';
import { connected, isOver, store, watch } from './store.js';
import { commandLine, fieldOf, requestBody } from './train_request.js';
import { noticePlace } from './ui.js';

/* TYPE-N with the first free N, as the broker calls a model that is not named. */
function freeName(type) {
    const taken = new Set([...store.models.keys(), ...[...store.jobs.values()].map((job) => job.modelName)]);
    let number = 1;
    while (taken.has(`${type}-${number}`))
        number++;
    return `${type}-${number}`;
}

function noteOn(name) {
    const job = [...store.jobs.values()].find((one) => one.modelName === name && !isOver(one));
    if (job)
        return `'${name}' is being trained now, by job ${job.id}.`;
    return store.models.has(name) ? `There is a model '${name}': this training replaces it when it is done.` : '';
}

/* Checks every field, and goes to the first that is wrong. */
function isRight(element, line, fields, fold) {
    let right = line.check();
    for (const field of fields.values()) {
        const fieldRight = field.check();
        fold.open ||= !fieldRight && fold.contains(field.control);
        right &&= fieldRight;
    }
    element.querySelector('[aria-invalid]')?.focus();
    return right;
}

function form({ options, maxNodes }) {
    const rest = optionsForm(options, changed);
    const epochs = optionField(options.find((option) => option.name === 'epochs'), changed);
    const fields = new Map([['epochs', epochs], ...rest.fields]);
    const line = sentence(epochs, maxNodes, changed);
    const strip = datasetStrip();
    const refusal = noticePlace();
    const command = h('code', {});
    const start = h('button', { type: 'submit', class: 'button primary big' }, 'Start training');
    const fold = h('details', { class: 'fold' }, h('summary', {}, 'More'), rest.element,
        h('section', { class: 'same-command', 'aria-labelledby': 'command-title' },
            h('h3', { id: 'command-title' }, 'The command line that does the same'),
            h('div', { class: 'command' }, command,
                copyButton(() => command.textContent, 'Copy the command line'))));
    const element = h('form', { class: 'train-form', novalidate: true, on: { submit } },
        line.element, h('div', {}, start), refusal.element, fold, strip.element);

    function choice() {
        const values = new Map();
        for (const [name, field] of fields)
            if (field.value !== '' && (field === epochs || !field.isDefault()))
                values.set(name, field.value);
        return { type: line.type, name: line.name, nodes: line.nodes, values };
    }

    function changed() {
        const now = choice();
        const parts = commandLine(now, options, location.origin);
        if (command.textContent !== parts.join(' ')) /* else a selection within it would be lost */
            fill(command, parts.map((part, i) => [i ? ' ' : '', h('span', {}, part)]));
        line.setNote(now.values.get('resume') ?? freeName(line.type), noteOn(line.name));
        strip.show(line.shown(), store.nodes.size > 0);
    }

    function showRefusal(message) {
        const name = fieldOf(message, options);
        const part = fields.get(name) ?? line.parts[name];
        if (!part) {
            refusal.show('error', message);
            return;
        }
        fold.open ||= fold.contains(part.control);
        part.setError(message);
        part.control.focus();
    }

    async function submit(event) {
        event.preventDefault();
        if (start.disabled || !isRight(element, line, fields, fold))
            return;
        refusal.clear();
        start.disabled = true;
        text(start, 'Starting…');
        try {
            const { job } = await post('/train', requestBody(choice(), options), { Prefer: 'respond-async' });
            line.setName('');
            if (element.isConnected)
                go(href('jobs', job));
            else
                left.delete('name'); /* who went elsewhere meanwhile stays there */
        } catch (error) {
            showRefusal(error.message);
        }
        start.disabled = false;
        text(start, 'Start training');
    }

    /* What the store tells now. */
    function follow(types) {
        if (types)
            line.setTypes(types.length ? types : ['resnet']);
        line.setNodes(connected());
        fields.get('resume')?.suggest([...store.models.keys()]);
        changed();
    }

    /* Once, with the address's query or what was left in the form. */
    function begin(query, types) {
        follow(types);
        if (query.get('type'))
            line.setType(query.get('type'));
        line.setName(query.get('name') ?? '');
        if (query.get('node'))
            line.choose(query.get('node'));
        for (const [name, field] of fields) {
            if (!query.has(name))
                continue;
            field.value = query.get(name);
            fold.open ||= fold.contains(field.control) && !field.isDefault();
        }
        fields.get('weights')?.suggest(['imagenet', 'none']);
        changed();
    }

    /* What begin() takes. */
    function filled() {
        const { name, values } = choice();
        return new URLSearchParams({ name, ...line.chosenType ? { type: line.chosenType } : {},
            ...line.chosenNode ? { node: line.chosenNode } : {}, ...Object.fromEntries(values) });
    }

    return { element, follow, begin, filled, close: strip.close };
}

/* What was in the form when it was left, so that a look elsewhere costs nothing. */
let left = new URLSearchParams();

export function open(main, params) {
    const place = h('div', { class: 'train-place' });
    const missing = retry(load, 'error');
    const running = runningList();
    const query = params.query.size ? params.query : left;
    let shown = null;
    let closed = false;
    let known = null; /* the nodes whose networks were asked for; null: none could be */

    /* The networks are those of the nodes: asked again where there are others. */
    async function load() {
        const names = connected().map((node) => node.name).sort().join(' ');
        if (names === known)
            return;
        known = names;
        try {
            const answer = await get('/options');
            if (closed)
                return;
            missing.done();
            if (shown) {
                shown.follow(answer.types);
                return;
            }
            shown = form(answer);
            shown.begin(query, answer.types);
            fill(place, shown.element);
        } catch (error) {
            known = null;
            missing.failed(error, `What a training may be told cannot be asked: ${error.message}.`);
        }
    }

    title('Train');
    main.append(h('div', { class: 'page-head' }, h('h1', {}, 'Train'), running.element), missing.element, place);
    running.update();
    load();
    const stop = watch(['node', 'model', 'job', 'live'], (changes) => {
        running.update();
        shown?.follow();
        if (changes.has('node') || changes.has('live') && store.live)
            load();
    });
    return () => {
        closed = true;
        left = shown?.filled() ?? left;
        stop();
        missing.close();
        shown?.close();
    };
}
