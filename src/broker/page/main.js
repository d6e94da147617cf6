/* Where the page begins: the routes, the state of the connection, the switch of colours. Views are loaded when they are
 * opened first, and fetched ahead once the first one stands. */
import { h } from './dom.js';
import { follow } from './events.js';
import { routes, title } from './router.js';
import { store, watch } from './store.js';
import { themeSwitch } from './theme_switch.js';
import { empty } from './ui.js';

const views = [
    { pattern: '#/', place: 'cluster', load: () => import('./cluster.js') },
    { pattern: '#/nodes/:name', place: 'cluster', load: () => import('./node.js') },
    { pattern: '#/train', place: 'train', load: () => import('./train.js') },
    { pattern: '#/jobs', place: 'models', load: () => import('./jobs.js') },
    { pattern: '#/jobs/:id', place: 'train', load: () => import('./job.js') },
    { pattern: '#/compare/:ids', place: 'models', load: () => import('./compare.js') },
    { pattern: '#/classify', place: 'classify', load: () => import('./classify.js') },
    { pattern: '#/models', place: 'models', load: () => import('./models.js') },
    { pattern: '#/models/:name', place: 'models', load: () => import('./model.js') },
];

const missing = {
    open(main, params) {
        title('not found');
        main.append(h('h1', {}, params.failed ? 'This view could not be loaded' : 'There is nothing at this address'),
            empty(params.failed ? 'The broker did not send it. Load the page again once it runs.' :
                'A job or a model may have had it.', { href: '#/', text: 'To the cluster' }));
    },
};

function markPlace(place) {
    for (const link of document.querySelectorAll('.places a')) {
        if (link.dataset.place === place)
            link.setAttribute('aria-current', 'page');
        else
            link.removeAttribute('aria-current');
    }
}

/* A stream that breaks for a moment is not worth a word. */
function showLive(element) {
    let timer = 0;
    const say = () => {
        element.dataset.live = String(store.live);
        element.textContent = store.live ? 'Live' : 'No connection';
        element.title = store.live ? '' : 'The broker is not reached. It is tried again by itself.';
    };
    const update = () => {
        clearTimeout(timer);
        if (store.live)
            say();
        else
            timer = setTimeout(say, 1500);
    };
    watch(['live'], update);
    update();
}

/* What stands after the # is the view: the link that skips to the content leaves it there. */
function skipToContent(event) {
    event.preventDefault();
    document.getElementById('main').focus();
}

document.querySelector('.skip').addEventListener('click', skipToContent);
follow();
showLive(document.getElementById('live'));
document.getElementById('theme').append(themeSwitch());
routes(views, document.getElementById('main'), missing, markPlace);

/* One after the other: what a person asks for meanwhile goes first. */
async function fetchAhead() {
    for (const view of views)
        await view.load().catch(() => {}); /* it is asked for again when it is opened */
}

window.addEventListener('load', () => setTimeout(fetchAhead, 1000));
