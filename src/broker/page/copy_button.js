/* A button that copies a text. A page that came neither by HTTPS nor from this machine has no clipboard: there the text
 * is selected and copied in the old way. */
import { attribute, h, text } from './dom.js';
import { button } from './ui.js';

const SAID_MS = 2000;

async function copy(words) {
    try {
        await navigator.clipboard.writeText(words);
        return true;
    } catch {
        return copySelected(words);
    }
}

function copySelected(words) {
    const hidden = { class: 'visually-hidden', readonly: true, tabindex: -1, 'aria-hidden': 'true' };
    const area = h('textarea', hidden, words);
    document.body.append(area);
    area.select();
    const copied = document.execCommand('copy');
    area.remove();
    return copied;
}

/* words() gives the text; `label` tells those what is copied who cannot see it. */
export function copyButton(words, label) {
    const element = button('Copy', press, 'small', { 'aria-label': label });
    let timer = 0;

    async function press() {
        const copied = await copy(words());
        const said = copied ? 'Copied' : 'Not copied';
        text(element, said);
        attribute(element, 'aria-label', copied ? said : 'Not copied: the browser does not allow it');
        element.focus();
        clearTimeout(timer);
        timer = setTimeout(() => {
            text(element, 'Copy');
            attribute(element, 'aria-label', label);
        }, SAID_MS);
    }

    return element;
}
