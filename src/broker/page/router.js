/* Addresses. What stands after the # is a path, "#/jobs/7"; a view is a module with
 *
 *     export function open(main, params) { … return close; }
 *
 * where `main` is an element of the view's own, `params` has the path's parts by name, decoded, and its query
 * (`params.query`, URLSearchParams). `close` is called before the next view opens. The element goes with the view, so
 * that an answer which comes later changes nothing that is shown, and so do its dialogs. The back button works, since
 * each view has an address of its own. */
import { fill, h } from './dom.js';

let table = [];
let close = null;
let main = null;
let turn = 0; /* a view that is still being loaded when another was chosen is not opened */

function compile(pattern) {
    const names = [];
    const source = pattern.replace(/^#/, '').replace(/:(\w+)/g, (whole, name) => {
        names.push(name);
        return '([^/]+)';
    });
    return { names, regexp: new RegExp(`^${source}$`) };
}

function decode(segment) {
    try {
        return decodeURIComponent(segment);
    } catch {
        return segment;
    }
}

function match(path) {
    for (const route of table) {
        const found = route.regexp.exec(path);
        if (found)
            return [route, Object.fromEntries(route.names.map((name, i) => [name, decode(found[i + 1])]))];
    }
    return [null, {}];
}

/* A link to a place: href('jobs', 7) is "#/jobs/7". */
export function href(...segments) {
    return '#/' + segments.map(encodeURIComponent).join('/');
}

export function go(address) {
    location.hash = address;
}

/* The tab's title. */
export function title(text) {
    const wanted = text ? `${text} · dcls` : 'dcls';
    if (document.title !== wanted)
        document.title = wanted;
}

async function show(first, missing, moved) {
    const [path, query = ''] = (location.hash.replace(/^#/, '') || '/').split('?');
    const [route, params] = match(path);
    const mine = ++turn;
    params.query = new URLSearchParams(query);
    let view = missing;
    try {
        view = route ? await route.load() : missing;
    } catch (error) {
        console.error(error);
        params.failed = true;
    }
    if (mine !== turn)
        return;
    for (const dialog of document.querySelectorAll('dialog[open]'))
        dialog.close();
    close?.();
    close = null;
    const element = h('div', { class: 'view' });
    fill(main, element);
    moved(route?.place);
    close = view.open(element, params) ?? null;
    if (!first) {
        window.scrollTo(0, 0);
        main.focus({ preventScroll: true });
    }
}

/* list: [{pattern, place, open | load}], where load() answers the module (or a promise of it). `missing` is the view
 * where no pattern fits; moved(place) is called when another one is shown. */
export function routes(list, element, missing, moved) {
    main = element;
    table = list.map(({ pattern, place, open, load }) =>
        ({ ...compile(pattern), place, load: load ?? (() => ({ open })) }));
    window.addEventListener('hashchange', () => show(false, missing, moved));
    show(true, missing, moved);
}
