/* The report of a training that is done: the heat map, whose cells open their photos, the mistakes that the model was
 * surest of, and each class's figures. A report is kept by model: where another training replaced the model since, it
 * is that one's, and that is said. */
import { get, path } from './api.js';
import { answerPages, answersMissing, seenAs } from './answers.js';
import { classTable } from './class_table.js';
import { fill, h } from './dom.js';
import { plural } from './format.js';
import { heatMap } from './heatmap.js';
import { href } from './router.js';
import { button, notice } from './ui.js';

const MISTAKES_AT_ONCE = 12;
const PHOTOS_AT_ONCE = 24;

function section(id, heading, ...children) {
    return h('section', { class: 'stack', 'aria-labelledby': id }, h('h2', { id }, heading), children);
}

/* Answers the function that shows a cell's photos in `place`. */
function cellOpener(model, place) {
    let turn = 0;
    return async (label, predicted, number) => {
        const mine = ++turn;
        const opener = document.activeElement;
        const pages = answerPages(model, { label, predicted }, PHOTOS_AT_ONCE);
        const heading = h('h3', { tabindex: -1 }, seenAs(label, predicted), h('span', { class: 'muted' },
            ` · ${plural(number, 'photo')}`));
        const close = button('Close', () => {
            fill(place);
            opener?.focus();
        }, 'small');
        fill(place, h('div', { class: 'cell-photos card raised stack' }, h('div', { class: 'spread' }, heading, close),
            pages.element));
        heading.focus({ preventScroll: true });
        try {
            await pages.load();
        } catch (error) {
            if (mine === turn)
                pages.element.append(answersMissing(error));
        }
        if (mine === turn)
            place.scrollIntoView({ block: 'nearest' });
    };
}

/* `place` is where a cell's photos are shown; null: there are none. */
function matrixSection(job, report, place) {
    const classes = report.per_class?.map((figures) => figures.class);
    if (!classes || !report.confusion_matrix)
        return section('heat-title', 'What was seen as what', h('p', { class: 'muted' },
            'A report has this for at most 100 classes.'));
    const how = place ? 'A row is what the photos are, a column what was seen. A number opens its photos.' :
        'A row is what the photos are, a column what was seen.';
    return section('heat-title', 'What was seen as what', h('p', { class: 'muted' }, how),
        heatMap(classes, report.confusion_matrix, place ? cellOpener(job.modelName, place) : null));
}

/* [element, whether there are answers]; where they only could not be had now, they are asked for again. */
async function mistakesSection(job) {
    const place = h('div', { class: 'stack' });

    async function load() {
        const pages = answerPages(job.modelName, { wrong: 1 }, MISTAKES_AT_ONCE);
        try {
            const page = await pages.load();
            const words = page.count ? `${plural(page.count, 'mistake')} on the test images, the surest first.` :
                'There are none: each test image was seen as what it is.';
            fill(place, h('p', { class: 'muted' }, words), pages.element);
            return true;
        } catch (error) {
            const isNone = error.status === 404;
            fill(place, answersMissing(error), isNone ? null : button('Try again', load, 'small'));
            return !isNone;
        }
    }

    return [section('mistakes-title', 'The worst mistakes', place), await load()];
}

/* The model as it is now, if this job made it: {own, model}. */
export async function modelOf(job) {
    const { models } = await get('/models');
    const versions = models.filter((model) => model.name === job.modelName);
    return { own: versions.length === 1 && versions[0].job === job.id, model: versions[0] };
}

function notOwn(job, model) {
    if (!model)
        return `There is no model '${job.modelName}' any more. With it went the heat map and the mistakes.`;
    return [`The model '${job.modelName}' is another training's now. Heat map and mistakes are those of `,
        model.job ? h('a', { href: href('jobs', model.job) }, `job ${model.job}`) : 'that one', '.'];
}

/* Fills `place`, and calls tell(report) before. Resolves to whether the report is there: it may come yet. */
export async function jobReport(place, job, tell) {
    fill(place, h('p', { class: 'muted' }, 'Reads the report…'));
    try {
        const { own, model } = await modelOf(job);
        if (!own) {
            fill(place, h('p', { class: 'muted' }, notOwn(job, model)));
            return false;
        }
        const [report, [mistakes, haveAnswers]] = await Promise.all([get(path('models', job.modelName, 'report')),
            mistakesSection(job)]);
        tell(report);
        const photos = h('div', { class: 'cell-place' });
        fill(place, h('div', { class: 'report-pair' }, matrixSection(job, report, haveAnswers ? photos : null),
            report.per_class ? section('classes-title', 'Class by class', classTable(report.per_class)) : null),
        photos, mistakes);
        return true;
    } catch (error) {
        fill(place, notice('error', `The report cannot be shown: ${error.message}`));
        return false;
    }
}
