/* The queue of what is to be classified: at most four requests at a time, each with its answer or its reason. It knows
 * photos, models and nodes, and nothing of what is shown.
 *
 * An answer is kept with its photo under the key of what was asked (model, its digest, the node that was chosen), so
 * that going back to a model that was asked before asks nothing again. It is {state, top, node, ms, nodeMs, error}:
 * `waiting` → `asking` → `done` or `failed`; `stopped` by a person. */
import { ask } from './ask.js';

const AT_A_TIME = 4;
const BUSY_TRIES = 30; /* of a broker that is busy, or away */
const PAUSE_S = [1, 30]; /* what it may ask to wait, in seconds */

export function createClassification(changed) {
    let queue = []; /* {photo, question, answer} */
    let pausedUntil = 0;
    let timer = 0;
    const underWay = new Map(); /* task → AbortController */

    function set(task, state, values) {
        Object.assign(task.answer, { state, error: null, ...values });
        changed(task.photo);
    }

    function pause(seconds) {
        pausedUntil = performance.now() + Math.min(Math.max(seconds, PAUSE_S[0]), PAUSE_S[1]) * 1000;
    }

    /* What was refused for now is asked again, before the others; nobody else is asked meanwhile. */
    function again(task, error) {
        task.tries = (task.tries ?? 0) + 1;
        if (!error.isTemporary || task.tries > BUSY_TRIES)
            return false;
        pause(error.retryAfter ?? PAUSE_S[0]);
        set(task, 'waiting');
        queue.unshift(task);
        return true;
    }

    /* What was not to be had for so long is not for the others either. */
    function fail(task, error) {
        const isToo = (other) => error.isTemporary && other.question.key === task.question.key;
        const failed = [task, ...queue.filter(isToo)];
        queue = queue.filter((other) => !isToo(other));
        for (const each of failed)
            set(each, 'failed', { error: error.message });
    }

    async function run(task) {
        const abort = new AbortController();
        underWay.set(task, abort);
        set(task, 'asking');
        try {
            set(task, 'done', await ask(task.photo, task.question, abort.signal));
        } catch (error) {
            if (abort.signal.aborted)
                set(task, 'stopped');
            else if (!again(task, error))
                fail(task, error);
        }
        underWay.delete(task);
        next();
    }

    function next() {
        const wait = pausedUntil - performance.now();
        clearTimeout(timer);
        if (wait > 0 && queue.length) {
            timer = setTimeout(next, wait);
            return;
        }
        while (underWay.size < AT_A_TIME && queue.length)
            run(queue.shift());
    }

    return {
        /* Asks what was not asked yet: questions are {key, model, node}. `states`: and what ended so. */
        want(photos, questions, states = []) {
            for (const photo of photos)
                for (const question of questions) {
                    const answer = photo.answers.get(question.key) ?? { state: null };
                    if (answer.state && !states.includes(answer.state))
                        continue;
                    photo.answers.set(question.key, answer);
                    const task = { photo, question, answer };
                    queue.push(task);
                    set(task, 'waiting');
                }
            next();
        },
        /* What is under way and what waits. */
        stop() {
            for (const abort of underWay.values())
                abort.abort();
            const dropped = queue;
            queue = [];
            for (const task of dropped)
                set(task, 'stopped');
        },
        /* Drops what waits for an answer to another question than these. */
        only(keys) {
            const dropped = queue.filter((task) => !keys.includes(task.question.key));
            queue = queue.filter((task) => keys.includes(task.question.key));
            for (const task of dropped)
                task.photo.answers.delete(task.question.key);
        },
        get isBusy() {
            return queue.length + underWay.size > 0;
        },
        get isPaused() {
            return queue.length > 0 && underWay.size === 0 && pausedUntil > performance.now();
        },
    };
}
