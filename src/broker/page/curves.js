/* The curves of a training: its results as the series of two plots, loss and accuracy. While an epoch is under way
 * what is known of it is drawn too: loss and accuracy on what it has seen so far, between its start and its end. */
import { h } from './dom.js';
import { linePlot } from './plot.js';

const POINTS_MAX = 1000; /* more than there are pixels */
const TRACE_MAX = 400;

/* The result of the highest test accuracy, the first of them; null where none has one. */
export function bestResult(results) {
    return results.filter((result) => Number.isFinite(result.test_accuracy))
        .reduce((best, result) => !best || result.test_accuracy > best.test_accuracy ? result : best, null);
}

/* That of the epoch whose weights are the model: with patience the best one's, otherwise the last one's. `report` may
 * be missing. Null without results. */
export function savedResult(results, report) {
    return report?.configuration?.patience > 0 ? bestResult(results) : results[results.length - 1] ?? null;
}

/* Of many results some, the best and the last among them. */
function thinned(results) {
    const step = Math.ceil(results.length / POINTS_MAX);
    const best = bestResult(results);
    return step < 2 ? results :
        results.filter((result, i) => i % step === 0 || i === results.length - 1 || result === best);
}

/* [[epoch, value], …] of a member of the results. */
export function points(results, member) {
    return thinned(results).filter((result) => Number.isFinite(result[member]))
        .map((result) => [result.epoch, result[member]]);
}

/* What is seen of the epoch under way: add(job) as it comes; points(member, results) are to be drawn. */
export function epochTrace() {
    let epoch = 0;
    let seen = [];
    return {
        add(job) {
            if (!(job.batches > 0) || !Number.isFinite(job.loss))
                return;
            const x = job.epoch - 1 + Math.min(1, job.batch / job.batches);
            if (job.epoch !== epoch || x < seen[seen.length - 1]?.x)
                seen = [];
            epoch = job.epoch;
            if (x !== seen[seen.length - 1]?.x)
                seen.push({ x, loss: job.loss, accuracy: job.accuracy });
            if (seen.length > TRACE_MAX)
                seen = seen.filter((point, i) => i % 2 === 0);
        },
        /* The first epoch's way stays until its result is more than a point. */
        points(member, results) {
            const last = results[results.length - 1]?.epoch ?? 0;
            const from = last === 1 && epoch === 1 ? 0 : last;
            const before = seen.filter(({ x }) => x > from && x !== last);
            return before.map((point) => [point.x, point[member]]);
        },
    };
}

function series(results, trace, kind) {
    const way = trace ? trace.points(kind, results) : [];
    const train = [...points(results, `train_${kind}`), ...way].sort((a, b) => a[0] - b[0]);
    return [
        { name: 'test', points: points(results, `test_${kind}`) },
        { name: 'train', points: train, dashed: true },
    ];
}

export function plotFigure(caption, plot) {
    return h('figure', { class: 'curve' }, h('figcaption', {}, caption), plot.element);
}

/* Both plots of one training; update(results, trace) draws anew. */
export function trainingCurves() {
    const loss = linePlot({ label: 'Loss', series: series([], null, 'loss'), yMin: 0 });
    const accuracy = linePlot({ label: 'Accuracy', series: series([], null, 'accuracy'), yMin: 0, yMax: 100, unit: ' %',
        places: 1 });
    const best = h('span', { class: 'muted' });
    return {
        element: h('div', { class: 'curves' }, plotFigure('Loss', loss), plotFigure(['Accuracy', best], accuracy)),
        update(results, trace = null) {
            const top = bestResult(results);
            loss.update(series(results, trace, 'loss'));
            accuracy.update(series(results, trace, 'accuracy'), top?.epoch);
            best.textContent = top ? ` · best: ${top.test_accuracy.toFixed(1)} % at epoch ${top.epoch}` : '';
        },
        close() {
            loss.close();
            accuracy.close();
        },
    };
}
