/* Classify: photos in, classes out. One photo stands beside its bars, many are a grid; the question goes to one model
 * or to two. An address with ?photo= is one of many shown alone, so that the back button leads to the grid. */
import { answerView } from './answer.js';
import { arranged } from './arrange.js';
import { modelChoices } from './choices.js';
import { fill, h } from './dom.js';
import { acceptPhotos } from './drop.js';
import { count, plural } from './format.js';
import { PHOTOS_MAX } from './photos.js';
import { resultsGrid } from './results.js';
import { resultsBar } from './results_bar.js';
import { go, title } from './router.js';
import { addPhotos, classification, clearPhotos, onAnswer, questions, session } from './session.js';
import { photoSources } from './sources.js';
import { store } from './store.js';
import { button, empty, noticePlace } from './ui.js';

function address(photo) {
    const query = new URLSearchParams();
    if (session.models[0])
        query.set('model', session.models[0]);
    if (photo)
        query.set('photo', photo.id);
    return `#/classify${query.size ? `?${query}` : ''}`;
}

function firstOf(names) {
    return names.slice(0, 3).join(', ') + (names.length > 3 ? ' and others' : '');
}

/* What of photosOf() could not be taken, in words; `without` are those that had no room beside the others. */
function leftOutWords({ leftOut = [], unread = [], over = 0, isCut = false }, without) {
    const words = [];
    if (leftOut.length)
        words.push(`${plural(leftOut.length, 'file')} left out, no image by name or type: ${firstOf(leftOut)}.`);
    if (unread.length)
        words.push(`${plural(unread.length, 'file or folder', 'files and folders')} could not be read: ` +
            `${firstOf(unread)}.`);
    if (over + without > 0)
        words.push(`${plural(over + without, 'photo')} left out: there is room for ${count(PHOTOS_MAX)}.`);
    if (isCut)
        words.push('There were more files, which were not looked at.');
    return words.join(' ');
}

/* One photo alone: {element, update, close}; with the way to the others where there are any: `step(photo)`. */
function single(photo, asked, step) {
    const shown = arranged(session.photos, asked, session);
    const photos = shown.includes(photo) ? shown : session.photos;
    const at = photos.indexOf(photo);
    const view = answerView(photo, asked, () => classification.want([photo], asked, ['failed', 'stopped']));
    const to = (label, index) => button(label, () => step(photos[index], label), null,
        { disabled: !photos[index], 'data-step': label });
    const others = h('div', { class: 'row classify-others' },
        button(`All ${count(session.photos.length)} photos`, () => go(address(null))),
        to('Previous', at - 1), to('Next', at + 1),
        h('span', { class: 'muted' }, `${count(at + 1)} of ${count(photos.length)}`));
    return { ...view, element: h('div', { class: 'stack' }, session.photos.length > 1 ? others : null, view.element) };
}

/* All of them: {element, update, grown, focus, close}; `grown()` when photos came. */
function many(asked, clear) {
    const grid = resultsGrid(asked, (photo) => go(address(photo)));
    const show = () => grid.show(arranged(session.photos, asked, session));
    const bar = resultsBar(asked, { arrange: show, clear });
    show();
    return {
        element: h('div', { class: 'stack' }, bar.element, grid.element),
        update(photo) {
            grid.update(photo);
            bar.update();
        },
        grown() {
            show();
            bar.grown();
        },
        focus: grid.focus,
        close() {
            bar.close();
            grid.close();
        },
    };
}

export function open(main, params) {
    const body = h('div', { class: 'classify-body' });
    const notices = noticePlace();
    const head = h('div', { class: 'classify-head' });
    let alone = session.photos.find((photo) => String(photo.id) === params.query.get('photo')) ?? null;
    let shown = null; /* {element, update, close} of what is in the body */
    let state = '';   /* what it was made of */
    let photos = session.photos;
    let closed = false;

    function take(taken) {
        const given = taken.photos;
        const room = addPhotos(given);
        session.leftOut = leftOutWords(taken, given.length - room);
        /* One photo that comes to others is what its person wants to know now. */
        const next = room === 1 && session.photos.length > 1 ? session.photos.at(-1) : null;
        /* A folder takes a while to be read: its person may be at another place by now, and finds it here later. */
        if (closed)
            return;
        tell();
        if (room && next !== alone)
            go(address(next));
        else
            changed();
    }

    function tell() {
        if (session.leftOut)
            notices.show('warning', session.leftOut);
        else
            notices.clear();
    }

    function clear() {
        const cleared = clearPhotos();
        notices.show('info', `${plural(cleared.length, 'photo')} cleared `, button('Undo', () => {
            notices.clear();
            session.photos = cleared.concat(session.photos);
            changed();
        }));
        changed();
    }

    function step(photo, label) {
        alone = photo;
        session.opened = photo;
        changed();
        body.querySelector(`[data-step="${label}"]:enabled`)?.focus();
    }

    function contents(asked) {
        if (store.ready && !asked.length)
            return { element: empty('No model yet. One that was trained classifies photos here.',
                { href: '#/train', text: 'Train one' }) };
        if (!session.photos.length || !asked.length)
            return null;
        const only = session.photos.length === 1 ? session.photos[0] : alone;
        return only ? single(only, asked, step) : many(asked, clear);
    }

    /* Also called when models or nodes come and go: what is shown stays as it is where that does not concern it. */
    function changed() {
        const asked = questions();
        const keys = asked.map((question) => question.key);
        classification.only(keys);
        classification.want(session.photos, asked);
        const kind = session.photos.length > 1 ? 'many' : session.photos[0]?.id;
        const now = JSON.stringify([store.ready, keys, alone?.id ?? kind]);
        if (now !== state) {
            state = now;
            shown?.close?.();
            shown = contents(asked);
            fill(body, shown?.element);
            head.classList.toggle('is-empty', session.photos.length === 0);
            history.replaceState(history.state, '', address(alone));
        } else if (session.photos !== photos) {
            shown?.grown?.();
        }
        photos = session.photos;
    }

    function onKey(event) {
        const label = { ArrowLeft: 'Previous', ArrowRight: 'Next' }[event.key];
        if (!alone || event.target.closest('input, select, textarea, dialog') || event.altKey || event.ctrlKey)
            return;
        if (event.key === 'Escape')
            go(address(null));
        else if (label)
            body.querySelector(`[data-step="${label}"]`)?.click();
    }

    const wanted = params.query.get('model');
    if (wanted)
        session.models = [wanted, session.models[1] === wanted ? null : session.models[1]];
    const choices = modelChoices(changed);
    const sources = photoSources(take);
    const stopAnswers = onAnswer((photo) => shown?.update?.(photo));
    title('Classify');
    fill(head, choices.element, sources.element);
    main.append(h('h1', {}, 'Classify'), head, notices.element, body);
    const stopDrops = acceptPhotos(main, take);
    document.addEventListener('keydown', onKey);
    tell();
    changed();
    /* Back from one photo: where the person was. The router gives the focus to `main` after this. */
    const before = session.opened;
    if (!alone && before)
        queueMicrotask(() => shown?.focus?.(before));
    session.opened = alone;
    return () => {
        closed = true;
        document.removeEventListener('keydown', onKey);
        stopAnswers();
        stopDrops();
        choices.close();
        sources.close();
        shown?.close?.();
    };
}
