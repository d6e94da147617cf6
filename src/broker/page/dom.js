/* Elements, made and kept up to date. Whatever is a string becomes a text node: there is no way to pass markup, so that
 * a name from elsewhere can never become an element.
 *
 * h(tag, props, ...children): props are attributes (true: present, false, null and undefined: absent), and
 * `on: {click: fn}`. Children are nodes, strings and numbers; null, undefined and booleans are skipped, arrays
 * flattened. There is no `style`: the policy of the page forbids the attribute; use element.style.setProperty. */

const SVG = 'http://www.w3.org/2000/svg';

function append(parent, children) {
    for (const child of children) {
        if (Array.isArray(child))
            append(parent, child);
        else if (child instanceof Node)
            parent.appendChild(child);
        else if (typeof child === 'string' || typeof child === 'number')
            parent.appendChild(document.createTextNode(String(child)));
    }
}

function build(element, props, children) {
    for (const [name, value] of Object.entries(props ?? {})) {
        if (name === 'on') {
            for (const [type, listener] of Object.entries(value))
                element.addEventListener(type, listener);
        } else if (name === 'style' || name.startsWith('on')) {
            throw new TypeError(`"${name}" is no property here`);
        } else {
            attribute(element, name, value);
        }
    }
    append(element, children);
    return element;
}

export function h(tag, props, ...children) {
    return build(document.createElement(tag), props, children);
}

export function svg(tag, props, ...children) {
    return build(document.createElementNS(SVG, tag), props, children);
}

/* Replaces what the parent holds. */
export function fill(parent, ...children) {
    parent.textContent = '';
    append(parent, children);
    return parent;
}

/* Sets the text if it is another one: what has not changed is not painted again. */
export function text(node, string) {
    const wanted = String(string ?? '');
    if (node.textContent !== wanted)
        node.textContent = wanted;
}

/* Sets an attribute if it is another one; true, false and null as h() takes them. */
export function attribute(node, name, value) {
    if (value === null || value === undefined || value === false) {
        if (node.hasAttribute(name))
            node.removeAttribute(name);
        return;
    }
    const wanted = value === true ? '' : String(value);
    if (node.getAttribute(name) !== wanted)
        node.setAttribute(name, wanted);
}

const kept = new WeakMap(); /* parent → Map of key → element */

/* Shows a list below `parent`, which holds nothing else: an element an item. key(item) is unique; make(item) makes an
 * element; update(element, item) brings one up to date, and is called for a new one too. An element stays the same as
 * long as its key is there, and moves only where the order changed, so that focus and selection stay. */
export function keyed(parent, items, key, make, update) {
    const before = kept.get(parent) ?? new Map();
    const after = new Map();
    for (const item of items) {
        const id = key(item);
        const element = before.get(id) ?? make(item);
        before.delete(id);
        update?.(element, item);
        after.set(id, element);
    }
    for (const element of before.values())
        element.remove();
    let place = parent.firstChild;
    for (const element of after.values()) {
        if (element === place)
            place = place.nextSibling;
        else
            parent.insertBefore(element, place);
    }
    kept.set(parent, after);
}
