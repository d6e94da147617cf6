/* Which of many photos are shown and in what order. */
import { count } from './format.js';
import { classOf, isDone, modelsDiffer } from './photos.js';

const CLASSES_MAX = 200; /* that one can choose from */

const collator = new Intl.Collator(undefined, { numeric: true });

export const ORDERS = [
    { name: 'added', label: 'as added' },
    { name: 'doubt', label: 'least sure first' },
    { name: 'class', label: 'by class' },
    { name: 'name', label: 'by name' },
];

function answersOf(photo, questions) {
    return questions.map((question) => photo.answers.get(question.key));
}

/* How far the most probable class is ahead of the second, for the model that is least sure; where two models differ,
 * that comes before all. What has no answer comes last. */
function margin(photo, questions) {
    const margins = answersOf(photo, questions).map((answer) =>
        isDone(answer) ? answer.top[0][1] - (answer.top[1]?.[1] ?? 0) : 2);
    return Math.min(...margins) - (modelsDiffer(photo, questions) ? 2 : 0);
}

/* Of the first model, the surest first within a class. */
function byClass(question) {
    return (a, b) => {
        const [left, right] = [a, b].map((photo) => photo.answers.get(question.key));
        if (!isDone(left) || !isDone(right))
            return isDone(right) - isDone(left);
        return collator.compare(classOf(left), classOf(right)) || right.top[0][1] - left.top[0][1];
    };
}

/* A new array. */
function ordered(photos, questions, order) {
    if (order === 'name')
        return photos.toSorted((a, b) => collator.compare(a.name, b.name));
    if (order === 'class')
        return photos.toSorted(byClass(questions[0]));
    if (order === 'doubt') {
        const margins = new Map(photos.map((photo) => [photo, margin(photo, questions)]));
        return photos.toSorted((a, b) => margins.get(a) - margins.get(b));
    }
    return photos.slice();
}

function isShown(photo, questions, show) {
    const answers = answersOf(photo, questions);
    if (show === 'differ')
        return modelsDiffer(photo, questions);
    if (show === 'failed')
        return answers.some((answer) => answer?.state === 'failed');
    return show === 'all' || answers.some((answer) => `class ${classOf(answer)}` === show);
}

/* {order, show}: names of ORDERS and of showChoices(). */
export function arranged(photos, questions, { order, show }) {
    return ordered(photos.filter((photo) => isShown(photo, questions, show)), questions, order);
}

/* [{name, label}]: all of them, and each part that there is, with how many photos it has. */
export function showChoices(photos, questions) {
    const classes = new Map();
    let differ = 0;
    let failed = 0;
    for (const photo of photos) {
        const answers = answersOf(photo, questions);
        differ += modelsDiffer(photo, questions);
        failed += answers.some((answer) => answer?.state === 'failed');
        for (const name of new Set(answers.filter(isDone).map(classOf)))
            classes.set(name, (classes.get(name) ?? 0) + 1);
    }
    const parts = [...classes].sort((a, b) => b[1] - a[1]).slice(0, CLASSES_MAX);
    return [
        { name: 'all', label: `all (${count(photos.length)})` },
        ...differ ? [{ name: 'differ', label: `models differ (${count(differ)})` }] : [],
        ...failed ? [{ name: 'failed', label: `failed (${count(failed)})` }] : [],
        ...parts.map(([name, number]) => ({ name: `class ${name}`, label: `${name} (${count(number)})` })),
    ];
}
