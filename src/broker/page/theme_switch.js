/* The switch between the system's colours, light and dark: three radio buttons that look like one control. */
import { h } from './dom.js';

const choices = [['', 'Auto'], ['light', 'Light'], ['dark', 'Dark']];

function stored() {
    try {
        return localStorage.getItem('theme') ?? '';
    } catch {
        return '';
    }
}

function choose(value) {
    try {
        if (value)
            localStorage.setItem('theme', value);
        else
            localStorage.removeItem('theme');
    } catch {
        /* Storage is off: there is nothing to remember it in. */
    }
    window.dispatchEvent(new Event('themechoice'));
}

export function themeSwitch() {
    const now = stored();
    return h('fieldset', { class: 'segmented', 'aria-label': 'Colours' },
        choices.map(([value, word]) => h('label', {},
            h('input', { type: 'radio', name: 'theme', value, checked: value === now,
                on: { change: () => choose(value) } }),
            h('span', {}, word))));
}
