/* "Compare with …": the trainings that have curves to lay over these ones. */
import { fill, h } from './dom.js';
import { go, href } from './router.js';
import { store } from './store.js';
import { button } from './ui.js';

export const MOST = 6; /* as many colours as there are */

function choices(ids) {
    const shown = new Set(ids);
    return [...store.jobs.values()].filter((job) => !shown.has(job.id) && job.epoch > 0)
        .sort((a, b) => Number(b.id) - Number(a.id));
}

/* {element, update(hasCurves)} for the jobs `ids`, which are on the page. */
export function compareChoice(ids) {
    const select = h('select', { 'aria-label': 'Training to compare with' });
    const press = button('Compare', () => go(href('compare', [...ids, select.value].join(','))));
    const element = h('div', { class: 'row compare-choice' }, 'Compare with', select, press);
    let key = '';
    return {
        element,
        update(hasCurves) {
            const list = choices(ids);
            const wanted = list.map((job) => job.id).join();
            element.hidden = !hasCurves || !list.length || ids.length >= MOST;
            if (wanted === key)
                return;
            const before = select.value;
            key = wanted;
            fill(select, list.map((job) => h('option', { value: job.id }, `${job.modelName} · job ${job.id}`)));
            if (list.some((job) => job.id === before))
                select.value = before;
        },
    };
}
