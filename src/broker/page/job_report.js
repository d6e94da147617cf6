/* The report of a training that is done: the heat map, whose cells open their photos, the mistakes that the model was
 * surest of, and each class's figures. A report is kept by the model's name: where another training made a model of
 * that name since, it is that one's, and that is said. */
import { get, path } from './api.js';
import { answerPages, answersMissing, seenAs } from './answers.js';
import { classTable } from './class_table.js';
import { fill, h } from './dom.js';
import { plural } from './format.js';
import { heatMap } from './heatmap.js';
import { newestOf, versionsNotice } from './model_versions.js';
import { href } from './router.js';
import { button } from './ui.js';

const MISTAKES_AT_ONCE = 12;
const PHOTOS_AT_ONCE = 24;

function section(id, heading, ...children) {
    return h('section', { class: 'stack', 'aria-labelledby': id }, h('h2', { id }, heading), children);
}

/* Answers the function that shows a cell's photos in `place`. `asked` is mistakesSection's. */
function cellOpener(model, asked, place) {
    let turn = 0;
    return async (label, predicted, number) => {
        const mine = ++turn;
        const opener = document.activeElement;
        const pages = answerPages(model, { label, predicted, ...asked.at }, PHOTOS_AT_ONCE);
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

/* `open` shows a cell's photos; null: there are none. */
function matrixSection(report, open) {
    const classes = report.per_class?.map((figures) => figures.class);
    if (!classes || !report.confusion_matrix)
        return section('heat-title', 'What was seen as what', h('p', { class: 'muted' },
            'A report has this for at most 100 classes.'));
    const how = open ? 'A row is what the photos are, a column what was seen. A number opens its photos.' :
        'A row is what the photos are, a column what was seen.';
    return section('heat-title', 'What was seen as what', h('p', { class: 'muted' }, how),
        heatMap(classes, report.confusion_matrix, open));
}

/* Where the answers are to be asked for: any node has the model, but where models of that name differ. */
async function placeOfAnswers(job) {
    const { model, versions } = await modelOf(job);
    if (versions.length < 2)
        return {};
    if (!model.nodes.length)
        throw new Error('no connected node has this model');
    return { node: model.nodes[0] };
}

/* [element, whether there are answers]; where they only could not be had now, they are asked for again. `asked.at` is
 * what their address has to say besides. */
async function mistakesSection(job, asked) {
    const place = h('div', { class: 'stack' });

    async function load() {
        try {
            asked.at = await placeOfAnswers(job);
            const pages = answerPages(job.modelName, { wrong: 1, ...asked.at }, MISTAKES_AT_ONCE);
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

/* The models of that name as they are now, the one that was made last, and whether this job made it. */
export async function modelOf(job) {
    const { models } = await get('/models');
    const versions = models.filter((model) => model.name === job.modelName);
    const model = newestOf(versions);
    return { own: model?.job === job.id, model, versions };
}

function notOwn(job, model, versions) {
    if (!model)
        return `There is no model '${job.modelName}' any more. With it went the heat map and the mistakes.`;
    const isThere = versions.some((one) => one.job === job.id);
    return [isThere ? `A later training made another model '${job.modelName}'. ` :
        `The model '${job.modelName}' is another training's now. `, 'Heat map and mistakes are those of ',
        model.job ? h('a', { href: href('jobs', model.job) }, `job ${model.job}`) : 'that one', '.'];
}

/* Fills `place`, and calls tell(report) before. Resolves to whether the report is there: it may come yet. Throws what a
 * request threw. */
export async function jobReport(place, job, tell) {
    fill(place, h('p', { class: 'muted' }, 'Reads the report…'));
    const { own, model, versions } = await modelOf(job);
    if (!own) {
        fill(place, versionsNotice(versions), h('p', { class: 'muted' }, notOwn(job, model, versions)));
        return false;
    }
    const asked = { at: {} };
    const [report, [mistakes, haveAnswers]] = await Promise.all([get(path('models', job.modelName, 'report')),
        mistakesSection(job, asked)]);
    tell(report);
    const photos = h('div', { class: 'cell-place' });
    const open = haveAnswers ? cellOpener(job.modelName, asked, photos) : null;
    fill(place, versionsNotice(versions), h('div', { class: 'report-pair' }, matrixSection(report, open),
        report.per_class ? section('classes-title', 'Class by class', classTable(report.per_class)) : null),
    photos, mistakes);
    return true;
}
