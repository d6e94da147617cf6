/* The pieces that views are made of. Each is a plain element, styled by style.css. */
import { attribute, fill, h, svg, text } from './dom.js';
import { percent } from './format.js';

let ids = 0;

export function newId(prefix = 'id') {
    ids += 1;
    return `${prefix}-${ids}`;
}

/* kind: 'primary' or 'danger', with 'small' or 'big' beside it, or none. */
export function button(label, click, kind, attributes = {}) {
    const press = (event) => {
        if (event.currentTarget.getAttribute('aria-disabled') !== 'true')
            click(event);
    };
    const props = { type: 'button', class: kind ? `button ${kind}` : 'button', on: { click: press }, ...attributes };
    return h('button', props, label);
}

/* Whether a button() has something to do now, for one that may have the focus meanwhile: `disabled` would take that. */
export function setUsable(element, usable) {
    attribute(element, 'aria-disabled', usable ? null : 'true');
}

/* A link that looks like a button. */
export function buttonLink(label, href, kind, attributes = {}) {
    return h('a', { class: kind ? `button ${kind}` : 'button', href, ...attributes }, label);
}

/* A label, its control, a line of help, and room for an error. The element has setError(text): '' for none. */
export function field(label, control, help, error) {
    const id = control.id || (control.id = newId('field'));
    const helpLine = help ? h('p', { class: 'help', id: `${id}-help` }, help) : null;
    const errorLine = h('p', { class: 'error', id: `${id}-error`, role: 'alert' });
    const element = h('div', { class: 'field' }, h('label', { for: id }, label), control, helpLine, errorLine);
    element.setError = (reason) => {
        text(errorLine, reason ?? '');
        attribute(control, 'aria-invalid', reason ? 'true' : null);
        const told = [help && `${id}-help`, reason && `${id}-error`].filter(Boolean).join(' ');
        attribute(control, 'aria-describedby', told || null);
    };
    element.setError(error);
    return element;
}

/* Asks before something is done that cannot be undone: a promise of true or false. The question may be an array of
 * paragraphs. */
export function confirmDialog(question, verb, { title, danger = true, refuse = 'Keep' } = {}) {
    return new Promise((resolve) => {
        const id = newId('dialog');
        const paragraphs = [question].flat().map((line) => h('p', {}, line));
        const named = title ? { 'aria-labelledby': id } : { 'aria-label': verb };
        const dialog = h('dialog', { class: 'dialog', ...named },
            title ? h('h2', { id }, title) : null, paragraphs,
            h('div', { class: 'actions' },
                button(refuse, () => dialog.close(), null, { autofocus: true }),
                button(verb, () => dialog.close('yes'), danger ? 'danger' : 'primary')));
        dialog.addEventListener('close', () => {
            dialog.remove();
            resolve(dialog.returnValue === 'yes');
        });
        document.body.append(dialog);
        dialog.showModal();
    });
}

/* kind: 'info', 'good', 'warning' or 'error'. An error is read out at once. */
export function notice(kind, ...children) {
    return h('div', { class: `notice ${kind}`, role: kind === 'error' ? 'alert' : 'status' }, children);
}

/* A place for notices, which is there before any is: {element, show(kind, ...children), clear()}. */
export function noticePlace() {
    const element = h('div', { class: 'notice-place', 'aria-live': 'polite' });
    return {
        element,
        show: (kind, ...children) => fill(element, notice(kind, ...children)),
        clear: () => fill(element),
    };
}

/* A photo in a square box of `size` pixels that is there before the photo is, and says so where there is none. */
export function photo(url, alt, size = 96) {
    const box = h('span', { class: 'photo' });
    box.style.setProperty('--size', `${size}px`);
    const image = h('img', { alt, width: size, height: size, loading: 'lazy', decoding: 'async' });
    image.addEventListener('load', () => box.classList.add('there'));
    image.addEventListener('error', () => fill(box, h('span', { class: 'photo-none' }, alt || 'no photo')));
    image.src = url;
    box.append(image);
    return box;
}

/* Probabilities as bars: [[class, 0 to 1], …], the most probable first. */
export function bars(top) {
    return h('ol', { class: 'bars' }, top.map(([label, probability], i) => {
        const bar = h('span', { class: 'bar-fill' });
        bar.style.setProperty('--part', String(Math.min(1, Math.max(0, probability))));
        return h('li', { class: i === 0 ? 'first' : null },
            h('span', { class: 'bar-label' }, label), h('span', { class: 'bar-value' }, percent(probability * 100)),
            h('span', { class: 'bar-track', 'aria-hidden': 'true' }, bar));
    }));
}

/* What an empty place would hold and how to get there. link: {href, text} */
export function empty(words, link) {
    return h('div', { class: 'empty' }, h('p', {}, words), link ? buttonLink(link.text, link.href) : null);
}

/* A bar of progress with a name: {element, set(fraction, valueText)}; fraction null: it is not known. */
export function progress(label) {
    const bar = h('span', { class: 'bar-fill' });
    const element = h('div', { class: 'bar-track progress', role: 'progressbar', 'aria-label': label,
        'aria-valuemin': 0, 'aria-valuemax': 100 }, bar);
    const set = (fraction, valueText) => {
        const known = fraction !== null && fraction !== undefined;
        bar.style.setProperty('--part', String(known ? Math.min(1, Math.max(0, fraction)) : 0));
        attribute(element, 'aria-valuenow', known ? Math.round(fraction * 100) : null);
        attribute(element, 'aria-valuetext', valueText ?? null);
    };
    return { element, set };
}

/* Never colour alone: each state has a shape and a word too. */
const shapes = {
    idle: 'M8 3.5a4.5 4.5 0 1 0 0 9 4.5 4.5 0 0 0 0-9z',
    training: 'M4.5 2.5v11l9-5.5z',
    running: 'M4.5 2.5v11l9-5.5z',
    serving: 'M8 1.5 14.5 8 8 14.5 1.5 8z',
    lost: 'm3.5 3.5 9 9m0-9-9 9',
    queued: 'M3.5 3.5h9v9h-9z',
    starting: 'M3.5 3.5h9v9h-9z',
    ending: 'M3.5 3.5h9v9h-9z',
    completed: 'm2.5 8.5 3.5 3.5 7.5-8',
    failed: 'm3.5 3.5 9 9m0-9-9 9',
    cancelled: 'M2.5 8h11',
};

/* A state as a shape, a colour and a word: an element that setState() brings up to date. */
export function stateMark(state) {
    const element = h('span', { class: 'state' },
        svg('svg', { viewBox: '0 0 16 16', width: 12, height: 12, 'aria-hidden': 'true' }, svg('path', {})),
        h('span', {}));
    setState(element, state);
    return element;
}

export function setState(element, state, word = state) {
    attribute(element, 'data-state', state);
    attribute(element.querySelector('path'), 'd', shapes[state] ?? shapes.idle);
    text(element.lastChild, word);
}
