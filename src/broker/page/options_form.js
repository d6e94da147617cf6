/* The rest of a training's options, in three groups, made from the table that GET /options answers: a control a row,
 * with its line of help, its bounds and its error beside it. An option that is added to the table is here without a
 * change. */
import { attribute, h, keyed, text } from './dom.js';
import { boundsText, checkValue } from './train_request.js';

const groups = [
    ['optimiser', 'Optimiser', 'how the weights are found'],
    ['data', 'Data', 'what becomes of the photos'],
    ['start', 'Start', 'what it begins with and what it keeps'],
];

/* "--label-smoothing" as "Label smoothing". */
function labelOf(option) {
    const words = option.flag.replace(/^--/, '').replaceAll('-', ' ');
    return words.charAt(0).toUpperCase() + words.slice(1);
}

function isNumber(option) {
    return option.kind === 'integer' || option.kind === 'number';
}

function controlOf(option, id) {
    const common = { id, name: option.name };
    if (option.kind === 'boolean')
        return h('input', { ...common, type: 'checkbox' });
    if (option.kind === 'choice')
        return h('select', common, option.choices.map((choice) =>
            h('option', { value: choice, selected: choice === option.default }, choice)));
    return h('input', { ...common, type: 'text', value: option.default, autocomplete: 'off', autocapitalize: 'off',
        spellcheck: 'false', inputmode: { integer: 'numeric', number: 'decimal' }[option.kind] ?? null,
        placeholder: option.kind === 'text' ? option.placeholder : option.default,
        list: option.kind === 'text' ? `${id}-list` : null });
}

/* One option: {option, control, element, errorLine, value, isDefault(), setError(text), check(), suggest(names)}. The
 * value is a text; of a switch "true" or "false". It is checked when the field is left, and while it is wrong with each
 * key. */
export function optionField(option, changed) {
    const id = `option-${option.name}`;
    const control = controlOf(option, id);
    const isSwitch = option.kind === 'boolean';
    const label = h('label', { for: id }, labelOf(option));
    const help = h('p', { class: 'help', id: `${id}-help` },
        isNumber(option) ? `${option.help} · ${boundsText(option)}` : option.help);
    const errorLine = h('p', { class: 'error', id: `${id}-error` });
    const list = option.kind === 'text' ? h('datalist', { id: `${id}-list` }) : null;
    const field = {
        option,
        control,
        errorLine,
        element: h('div', { class: isSwitch ? 'field switch' : 'field' },
            isSwitch ? [control, label] : [label, control], list, help, errorLine),
        get value() {
            return isSwitch ? String(control.checked) : control.value.trim();
        },
        set value(value) {
            if (isSwitch)
                control.checked = value === 'true';
            else
                control.value = value;
        },
        isDefault: () => isSwitch ? !control.checked : field.value === option.default,
        suggest(names) {
            if (list)
                keyed(list, names, (name) => name, (name) => h('option', { value: name }));
        },
        setError(reason) {
            text(errorLine, reason);
            attribute(control, 'aria-invalid', reason ? 'true' : null);
        },
        check() {
            const reason = checkValue(option, field.value);
            field.setError(reason);
            return !reason;
        },
    };
    attribute(control, 'aria-describedby', `${id}-help ${id}-error`);
    control.addEventListener('change', field.check);
    control.addEventListener('input', () => {
        if (control.hasAttribute('aria-invalid'))
            field.check();
        changed();
    });
    return field;
}

/* The groups; `changed` is called when a value is. `fields` is a Map of them by the option's name. */
export function optionsForm(options, changed) {
    const fields = new Map();
    const parts = groups.map(([group, name, what]) => {
        const rows = options.filter((option) => option.group === group);
        for (const option of rows)
            fields.set(option.name, optionField(option, changed));
        return h('fieldset', { class: 'option-group' },
            h('legend', {}, name, h('span', { class: 'muted' }, ` · ${what}`)),
            h('div', { class: 'options' }, rows.map((option) => fields.get(option.name).element)));
    });
    return { element: h('div', { class: 'option-groups' }, parts), fields };
}
