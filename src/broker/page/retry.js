/* What was asked for and could not be had now: a line that says so, with "Try again", until it is there. It is asked
 * for again by itself too, some seconds later and when the broker is reached again, where that may help. */
import { ApiError } from './api.js';
import { h, text } from './dom.js';
import { store, watch } from './store.js';
import { button, noticePlace, setUsable } from './ui.js';

export const AGAIN_MS = 5000;

/* Whether the same request may be answered otherwise a little later: what the broker refuses it refuses again. */
export function mayComeYet(error) {
    return error instanceof ApiError && !(error.status >= 400 && error.status < 500);
}

/* {element, failed(error, words), done(), close()}: `ask` tells what became of it by failed() or done(). What is said
 * stays as it is while it is asked for again, and so does the focus. */
export function retry(ask, kind = 'warning') {
    const place = noticePlace();
    const press = button('', begin, 'small');
    const row = h('div', {}, press);
    const element = h('div', { class: 'stack', hidden: true }, place.element, row);
    let timer = 0;
    let said = ''; /* read out when it is another */
    let due = false;
    let closed = false;
    const stop = watch(['live'], again);

    /* While the broker is not reached it waits for that. */
    function again() {
        if (due && store.live)
            begin();
    }

    function begin() {
        clearTimeout(timer);
        due = false;
        setUsable(press, false);
        text(press, 'Asks again…');
        ask();
    }

    function done() {
        clearTimeout(timer);
        due = false;
        said = '';
        element.hidden = true;
        place.clear();
    }

    function failed(error, words) {
        if (closed)
            return; /* nobody looks any more */
        clearTimeout(timer);
        due = mayComeYet(error);
        timer = due ? setTimeout(again, AGAIN_MS) : 0;
        element.hidden = false;
        if (words !== said)
            place.show(kind, words);
        said = words;
        text(press, 'Try again');
        setUsable(press, true);
        row.hidden = !due;
    }

    return {
        element,
        failed,
        done,
        close() {
            closed = true;
            stop();
            done();
        },
    };
}
