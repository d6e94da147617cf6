/* What a training was asked for with, as GET /jobs/ID tells it, and what the next one may be. */
import { store } from './store.js';

/* Whether a training can go on after its epochs that are done. A legacy node keeps nothing to go on from. */
export function keepsCheckpoint({ options, nodes }) {
    const node = store.nodes.get(nodes?.[0]);
    return options !== undefined && !options.noCheckpoint && !(node && node.protocol === undefined);
}

/* To train as before, but for `changes`. A training that goes on with another one takes no changes: with some it is one
 * of its own. */
export function sameOptions({ options = {}, epochs }, changes = {}) {
    const { resume, ...own } = options;
    const goesOn = resume !== undefined && !Object.keys(changes).length;
    return { ...own, epochs, ...goesOn ? { resume } : {}, ...changes };
}

/* To go on after the epochs that are done. */
export function resumeOptions({ modelName, options = {}, epochs }) {
    const { cache } = options;
    return { resume: modelName, epochs, ...cache === undefined ? {} : { cache } };
}

/* A tenth, and of a rate that is far from usual a tenth of the largest that is. */
export function lowerRate({ learningRate = 0.001 } = {}) {
    return { learningRate: Number((Math.min(learningRate, 0.01) / 10).toPrecision(6)) };
}

/* A quarter of the batch; of an image alone half its edge. */
export function lessMemory({ batchSize = 32, imageSize = 224 } = {}) {
    if (batchSize > 1)
        return { batchSize: Math.max(1, Math.floor(batchSize / 4)) };
    return { imageSize: Math.max(32, Math.floor(imageSize / 2)) };
}
