/* Photos made small by scale_worker.js, which is started with the first one. */

const asked = new Map(); /* id → resolve */
let ids = 0;
let worker = null;

function start() {
    const started = new Worker(new URL('./scale_worker.js', import.meta.url), { type: 'module' });
    started.onmessage = ({ data: { id, blob } }) => {
        asked.get(id)?.(blob);
        asked.delete(id);
    };
    /* It could not be loaded, as while the broker is away: the next photo tries again. */
    started.onerror = () => {
        started.terminate();
        worker = null;
        for (const resolve of asked.values())
            resolve(null);
        asked.clear();
    };
    return started;
}

/* The file's picture as a JPEG, `width` wide; the file itself where the browser cannot do that. */
export async function scaled(file, width) {
    worker ??= start();
    const blob = await new Promise((resolve) => {
        ids += 1;
        asked.set(ids, resolve);
        worker.postMessage({ id: ids, file, width });
    });
    return blob ?? file;
}
