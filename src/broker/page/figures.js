/* Figures in large type over their names, whose values come and change: {element, set(name, words, title)}. */
import { attribute, h, text } from './dom.js';

export function figures(names) {
    const values = new Map(names.map((name) => [name, h('dd', {}, '–')]));
    return {
        element: h('dl', { class: 'figures' }, names.map((name) => h('div', {}, h('dt', {}, name), values.get(name)))),
        set(name, words, title = null) {
            text(values.get(name), words);
            attribute(values.get(name), 'title', title);
        },
    };
}
