/* What a training is asked for: the form's values as the body of POST /train and as the command line that does the
 * same, what is wrong with a value before it is sent, and which field a refusal of the broker's is about. All of it
 * follows from the table that GET /options answers; nothing here touches the page.
 *
 * A choice is {type, name, nodes, values}: nodes is a list of names, empty for any node; values maps an option's name
 * to the text in its field ("true" for a switch that is on), and holds what is to be said. */
import { count } from './format.js';

const networks = {
    resnet: 'ResNet-18',
    resnet34: 'ResNet-34',
    resnet50: 'ResNet-50',
    mobilenet: 'MobileNetV2',
    efficientnet: 'EfficientNet-B0',
};

/* What people call a network; a type that is not known here is called what it is. */
export function networkName(type) {
    return Object.hasOwn(networks, type) ? networks[type] : type;
}

const wholeNumber = /^[+-]?\d+$/;
const decimalNumber = /^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i;
const modelName = /^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/;
const weightsHere = /^(imagenet|none|sha256:[0-9a-f]{64})$/;
const ownBroker = /^http:\/\/(127\.0\.0\.1|localhost):8001$/; /* where the client looks by itself */

/* The bounds of a number: "0 to 10". */
export function boundsText(option) {
    const bound = (number) => Number.isInteger(number) ? count(number) : String(number);
    return `${bound(option.min)} to ${bound(option.max)}`;
}

function checkNumber(option, text) {
    const form = option.kind === 'integer' ? wholeNumber : decimalNumber;
    const number = Number(text);
    if (form.test(text) && number >= option.min && number <= option.max)
        return '';
    return `it must be a ${option.kind === 'integer' ? 'whole number' : 'number'} from ${boundsText(option)}`;
}

/* The same for a model's name; an empty one is the broker's to find. */
export function checkModelName(text) {
    if (text === '' || modelName.test(text))
        return '';
    return 'a name is made of letters, digits and . _ - (at most 64), and begins with a letter or a digit';
}

/* What is wrong with the text in an option's field; '' where nothing is. An empty one is the default. */
export function checkValue(option, text) {
    if (option.kind === 'boolean' || option.kind === 'choice' || text === '')
        return '';
    if (option.kind !== 'text')
        return checkNumber(option, text);
    if (option.name === 'weights' && !weightsHere.test(text))
        return 'imagenet or none; a file or an address is for the command line, which uploads it';
    return option.name === 'resume' ? checkModelName(text) : '';
}

function typed(option, text) {
    if (option.kind === 'boolean')
        return text === 'true';
    return option.kind === 'integer' || option.kind === 'number' ? Number(text) : text;
}

/* The body of POST /train. */
export function requestBody(choice, options) {
    const body = { modelType: choice.type };
    if (choice.name)
        body.modelName = choice.name;
    if (choice.nodes.length > 1)
        body.nodes = choice.nodes;
    else if (choice.nodes.length)
        body.node = choice.nodes[0];
    for (const option of options)
        if (choice.values.has(option.name))
            body[option.name] = typed(option, choice.values.get(option.name));
    return body;
}

function quoted(text) {
    return /^[A-Za-z0-9_.,:/@%+-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`;
}

/* The command line that does the same at the broker of that origin, in parts: an option and its value are one, and each
 * is as a shell takes it. */
export function commandLine(choice, options, origin) {
    const parts = ['dcls client train', quoted(choice.type)];
    const add = (flag, value) => parts.push(value === undefined ? flag : `${flag} ${quoted(value)}`);
    if (!ownBroker.test(origin))
        add('--api', origin);
    if (choice.name)
        add('--name', choice.name);
    if (choice.nodes.length)
        add(choice.nodes.length > 1 ? '--nodes' : '--node', choice.nodes.join(','));
    for (const option of options)
        if (choice.values.has(option.name))
            add(option.flag, option.kind === 'boolean' ? undefined : choice.values.get(option.name));
    return parts;
}

/* How the broker's refusals begin, and the field that each is about, in the order in which they are looked at. */
const refusals = [
    [/^model '.*' is being trained already/, 'modelName'],
    [/^'?modelName\b/, 'modelName'],
    [/^'?modelType\b/, 'modelType'],
    [/^no node offers '/, 'modelType'],
    [/^Node '.*' not found|^'nodes?'|^training on several nodes|^no node is connected/, 'node'],
    [/^the weights '/, 'weights'],
    [/resume/, 'resume'],
];

/* The name of the option, or "modelType", "modelName" or "node", that a refusal is about; '' where it names none. */
export function fieldOf(message, options) {
    const named = (word) => options.find(({ name, flag }) => word && (name === word || flag === `--${word}`))?.name;
    const lacking = /^node '[^']*' does not offer '([^']*)'/.exec(message);
    if (lacking)
        return named(lacking[1]) ?? 'modelType';
    return named(/^'(?:--)?([\w-]+)'/.exec(message)?.[1]) ?? refusals.find(([form]) => form.test(message))?.[1] ?? '';
}
