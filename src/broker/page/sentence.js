/* The sentence that says what will be trained, each of its bold parts a control: the network, the photos, the epochs,
 * the node and the name. */
import { attribute, fill, h, text } from './dom.js';
import { plural } from './format.js';
import { ANY, SEVERAL, checkTeam, nodeForPhotos, nodeOptions, photosKey, photosOptions, preferredNode, shownNode }
    from './node_choice.js';
import { checkModelName, networkName } from './train_request.js';

function slot(label, control) {
    return h('label', { class: 'slot' }, h('span', { class: 'visually-hidden' }, label), control);
}

/* Options are made anew only where they are others, for that closes a list that is open. */
function setOptions(select, list, selected) {
    const key = JSON.stringify(list);
    if (select.dataset.key !== key) {
        fill(select, list.map(([value, label]) => h('option', { value }, label)));
        select.dataset.key = key;
    }
    if (select.value !== selected)
        select.value = selected;
}

/* A control of the sentence with the line below that tells what is wrong with it. */
function part(name, control) {
    const line = h('p', { class: 'error', id: `train-${name}-error` });
    attribute(control, 'name', name);
    attribute(control, 'aria-describedby', line.id);
    return {
        control,
        line,
        setError(reason) {
            text(line, reason);
            attribute(control, 'aria-invalid', reason ? 'true' : null);
        },
    };
}

/* `epochs` is that option's field. changed() is called when something was chosen or typed. */
export function sentence(epochs, maxNodes, changed) {
    const type = part('modelType', h('select', {}));
    const node = part('node', h('select', {}));
    const name = part('modelName', h('input', { type: 'text', maxlength: 64, size: 12, autocomplete: 'off',
        autocapitalize: 'off', spellcheck: 'false' }));
    const photos = h('select', { name: 'photos' });
    const note = h('p', { class: 'muted', 'aria-live': 'polite' });
    const team = h('fieldset', { class: 'team', hidden: true });
    const parts = { modelType: type, node, modelName: name };
    const element = h('div', { class: 'sentence-block' },
        h('p', { class: 'sentence' }, 'Train ', slot('Network', type.control), ' on ', slot('Photos', photos), ' for ',
            slot('Epochs', epochs.control), ' epochs on ', slot('Node', node.control), ' as ',
            slot('Name', name.control), '.'),
        team,
        h('div', { class: 'sentence-lines field' }, type.line, epochs.errorLine, node.line, name.line, note));
    let nodes = [];
    let types = [];
    let chosenType = null; /* null: the first that there is */
    let chosen = null; /* a node's name, ANY or SEVERAL; null: the page's own choice, anew with each change of nodes */

    attribute(epochs.control, 'size', 4);
    attribute(epochs.control, 'aria-describedby', epochs.errorLine.id);

    const current = () => chosen ?? preferredNode(nodes);
    const ticked = () => [...team.querySelectorAll('input:checked')].map((box) => box.value);
    const shown = () => shownNode(nodes, current(), ticked());

    function drawTeam() {
        team.hidden = current() !== SEVERAL;
        const key = nodes.map((one) => one.name).join(' ');
        if (team.dataset.key === key)
            return;
        const before = new Set(ticked());
        team.dataset.key = key;
        fill(team, h('legend', {}, `Nodes that train together, at most ${plural(maxNodes, 'node')}`),
            nodes.map((one) => h('label', {}, h('input', { type: 'checkbox', value: one.name,
                checked: before.has(one.name), on: { change: changed } }), ' ', one.name)));
    }

    /* What was chosen stays, even when no node offers it now. */
    function drawTypes() {
        const shown = chosenType ?? (types.includes(type.control.value) ? type.control.value : types[0]);
        const list = types.map((one) => [one, networkName(one)]);
        if (!types.includes(shown))
            list.push([shown, `${networkName(shown)} (no node trains it now)`]);
        setOptions(type.control, list, shown);
    }

    function draw() {
        setOptions(node.control, nodeOptions(nodes, current(), maxNodes), current());
        drawTeam();
        setOptions(photos, photosOptions(nodes, shown()), shown() ? photosKey(shown()) : '');
    }

    function choose(value) {
        chosen = value;
        node.setError('');
        draw();
        changed();
    }

    node.control.addEventListener('change', () => choose(node.control.value));
    photos.addEventListener('change', () => choose(nodeForPhotos(nodes, photos.value)));
    type.control.addEventListener('change', () => {
        chosenType = type.control.value;
        type.setError('');
        changed();
    });
    name.control.addEventListener('input', () => {
        name.setError(checkModelName(name.control.value.trim()));
        changed();
    });

    return {
        element,
        parts,
        shown,
        choose,
        get type() {
            return type.control.value;
        },
        get name() {
            return name.control.value.trim();
        },
        get nodes() {
            return current() === SEVERAL ? ticked() : current() === ANY ? [] : [current()];
        },
        /* The name of the one that was chosen by hand; null: none was. */
        get chosenNode() {
            return chosen === SEVERAL ? null : chosen;
        },
        /* The network that was chosen by hand; null: none was. */
        get chosenType() {
            return chosenType;
        },
        setType(value) {
            chosenType = value;
            drawTypes();
        },
        setName(value) {
            name.control.value = value.slice(0, name.control.maxLength);
        },
        setTypes(list) {
            types = list;
            drawTypes();
        },
        setNodes(list) {
            nodes = list;
            draw();
        },
        /* The name that the broker would give, and what is to be known of the one that is typed. */
        setNote(fallback, words) {
            attribute(name.control, 'placeholder', fallback);
            text(note, words);
        },
        check() {
            node.setError(current() === SEVERAL ? checkTeam(ticked(), maxNodes) : '');
            name.setError(checkModelName(name.control.value.trim()));
            return Object.values(parts).every(({ control }) => !control.hasAttribute('aria-invalid'));
        },
    };
}
