/* The head that the lists of models and of jobs share. */
import { h } from './dom.js';

export function placesTabs(current) {
    const tab = (place, word) =>
        h('a', { href: `#/${place}`, 'aria-current': place === current ? 'page' : null }, word);
    return h('div', { class: 'stack' }, h('h1', {}, current === 'jobs' ? 'Jobs' : 'Models'),
        h('nav', { class: 'tabs', 'aria-label': 'Models and jobs' }, tab('models', 'Models'), tab('jobs', 'Jobs')));
}
