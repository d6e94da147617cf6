/* A few jobs at a time, the newest first: what a person looks at now is loaded before what was scrolled past.
 *
 *     const slots = createSlots(4);
 *     const cancel = slots.run(async (cancelled) => { … });   cancelled() is true once cancel() was called
 *
 * A job that was cancelled before it began never begins. What a job throws is its own affair: it is dropped. */

export function createSlots(limit) {
    const waiting = [];
    let running = 0;

    function next() {
        while (running < limit && waiting.length) {
            const entry = waiting.pop();
            running += 1;
            Promise.resolve(entry.job(() => entry.cancelled)).catch(() => {}).finally(() => {
                running -= 1;
                next();
            });
        }
    }

    return {
        run(job) {
            const entry = { job, cancelled: false };
            waiting.push(entry);
            next();
            return () => {
                entry.cancelled = true;
                const at = waiting.indexOf(entry);
                if (at >= 0)
                    waiting.splice(at, 1);
            };
        },
    };
}
