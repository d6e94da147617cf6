/* A model's files, to be kept: weights in three formats. */
import { path, url } from './api.js';
import { h } from './dom.js';

const formats = [
    ['pth', 'for PyTorch'],
    ['safetensors', 'the weights alone'],
    ['onnx', 'for ONNX Runtime and the like'],
];

function link(name, ending, words) {
    return h('a', { href: url(path('models', name, `${name}.${ending}`)), download: true,
        'aria-label': `Download ${name}.${ending}` }, words);
}

/* The endings alone, for a row of a table. */
export function downloadLinks(name) {
    return formats.map(([ending]) => link(name, ending, `.${ending}`));
}

export function downloadList(name) {
    return h('ul', { class: 'files' }, formats.map(([ending, what]) =>
        h('li', {}, link(name, ending, `${name}.${ending}`), h('span', { class: 'muted small' }, what))));
}
