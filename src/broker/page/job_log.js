/* The log of a training, folded away. While it runs it is made of what is known: the notices, and a line for each of
 * the last epochs as the log itself has it. When it is done the log that its node wrote takes that place. */
import { get, path } from './api.js';
import { h, text } from './dom.js';

const LINES_MAX = 500; /* while it runs */
const members = ['train_loss', 'train_accuracy', 'test_loss', 'test_accuracy', 'epoch_time_seconds'];

function lineOf(result, epochs) {
    const [trainLoss, trainAccuracy, testLoss, testAccuracy, seconds] = members.map((member) => result[member]);
    return `Epoch [${result.epoch}/${epochs}], Train Loss: ${trainLoss.toFixed(4)}, Train Accuracy: `
        + `${trainAccuracy.toFixed(2)}%, Test Loss: ${testLoss.toFixed(4)}, `
        + `Test Accuracy: ${testAccuracy.toFixed(2)}%, Epoch Time: ${seconds.toFixed(2)} seconds`;
}

function known(job, results) {
    const whole = results.slice(-LINES_MAX)
        .filter((result) => members.every((member) => Number.isFinite(result[member])));
    const lines = [...job.notices ?? [], ...whole.map((result) => lineOf(result, job.epochs)), job.error ?? ''];
    return lines.filter(Boolean).join('\n') || 'Nothing yet: a line comes with each epoch.';
}

/* {element, update(job, results)}; `isOwn` resolves to whether the model's log is this job's. */
export function jobLog(isOwn) {
    const lines = h('pre', { class: 'log', tabindex: 0, role: 'region', 'aria-label': 'Log' });
    const element = h('details', { class: 'fold' }, h('summary', {}, 'Log'), lines);
    let job = null;
    let asked = false;

    async function fetchLog() {
        if (asked || !element.open || job?.state !== 'completed')
            return;
        asked = true;
        try {
            if (await isOwn())
                text(lines, await get(path('models', job.modelName, 'log')));
        } catch {
            asked = false; /* what is known stays; the next opening asks again */
        }
    }

    element.addEventListener('toggle', fetchLog);
    return {
        element,
        update(next, results) {
            const isAtEnd = lines.scrollTop + lines.clientHeight >= lines.scrollHeight - 4;
            job = next;
            if (!asked)
                text(lines, known(job, results));
            if (isAtEnd)
                lines.scrollTop = lines.scrollHeight;
            fetchLog();
        },
    };
}
