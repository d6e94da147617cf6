/* Curves, drawn by Chart.js, which is fetched when the first plot is made. The box has its height from the start, so
 * that nothing moves when the curve comes. A line's name stands at its end; the grid is horizontal alone; under the
 * pointer are the point's numbers. The canvas is a picture to a screen reader, whose name tells the newest values. */
import { attribute, h } from './dom.js';
import { decimal, significant } from './format.js';
import { store, watch } from './store.js';

let loading = null;

/* Debian ships both an ES module and a script that sets a global. */
function chartClass() {
    loading ??= import('./chart.js').then((module) => {
        const Chart = module.Chart ?? globalThis.Chart;
        if (module.registerables)
            Chart.register(...module.registerables);
        return Chart;
    });
    loading.catch(() => {
        loading = null; /* the next plot, or the next try, asks again */
    });
    return loading;
}

function colour(name) {
    return getComputedStyle(document.documentElement).getPropertyValue(name).trim();
}

const seriesColours = ['--series-1', '--series-2', '--series-3', '--series-4', '--series-5', '--series-6'];

const LABELS_PART = 0.4; /* of the plot's width, at most, for the lines' names */
const LABELS_GAP = 16;

/* A name as far as there is room for it. */
function cut(context, name, room) {
    let end = name.length;
    let words = name;
    while (end > 1 && context.measureText(words).width > room)
        words = `${name.slice(0, --end)}…`;
    return words;
}

function labelsRoom(chart) {
    return LABELS_PART * chart.width - LABELS_GAP;
}

/* The names at the lines' ends, moved apart where they would lie on each other, and the best point. */
const endLabels = {
    id: 'endLabels',
    afterDatasetsDraw(chart, args, options) {
        const { ctx, chartArea } = chart;
        const labels = [];
        chart.data.datasets.forEach((set, i) => {
            const points = chart.getDatasetMeta(i).data;
            const end = points[points.length - 1];
            if (end && !end.skip)
                labels.push({ text: set.label, colour: set.borderColor, x: end.x, y: end.y });
        });
        labels.sort((a, b) => a.y - b.y);
        for (let i = 1; i < labels.length; i++)
            labels[i].y = Math.max(labels[i].y, labels[i - 1].y + 15);
        const over = labels.length ? labels[labels.length - 1].y - chartArea.bottom : 0;
        ctx.save();
        ctx.font = options.font;
        ctx.textBaseline = 'middle';
        ctx.lineJoin = 'round';
        ctx.lineWidth = 5;
        ctx.strokeStyle = colour('--bg'); /* around a name that stands on another, longer line */
        for (const label of labels) {
            const place = [cut(ctx, label.text, labelsRoom(chart)), label.x + 8, label.y - Math.max(0, over)];
            ctx.strokeText(...place);
            ctx.fillStyle = label.colour;
            ctx.fillText(...place);
        }
        ctx.restore();
    },
};

function bestIndex(points, best) {
    return points.findIndex(([x]) => x === best);
}

function datasets(series, best) {
    return series.map(({ name, points, dashed, colour: own }, i) => {
        const line = own ?? colour(seriesColours[i % seriesColours.length]);
        const at = best === undefined || dashed ? -1 : bestIndex(points, best);
        const few = points.length < 3;
        return {
            label: name, data: points.map(([x, y]) => ({ x, y })), borderColor: line, backgroundColor: line,
            borderWidth: 2, borderDash: dashed ? [4, 4] : [], tension: 0, pointHitRadius: 12, pointHoverRadius: 4,
            pointRadius: points.map((point, j) => j === at ? 5 : few ? 3 : 0),
        };
    });
}

/* The loss of a training that goes astray may be 4e+20, that of a good one 0.000432. */
function figure(value, places) {
    const size = Math.abs(value);
    if (size >= 1e6 || (size > 0 && size < 1e-4))
        return value.toExponential(1);
    return places > 0 && size > 0 && size < 0.1 ? significant(value, 3) : decimal(value, places);
}

/* Room for the names at the right. */
function labelsWidth(chart, series, font) {
    chart.ctx.font = font;
    const widest = Math.max(24, ...series.map(({ name }) => chart.ctx.measureText(name).width));
    return Math.ceil(Math.min(widest, labelsRoom(chart))) + LABELS_GAP;
}

function options({ yMin, yMax, unit = '', xLabel = 'epoch', places = 2 }, font, series) {
    const muted = colour('--muted');
    return {
        responsive: true, maintainAspectRatio: false, animation: false, normalized: true,
        font: { family: font.family, size: 13 },
        interaction: { mode: 'index', intersect: false },
        layout: { padding: ({ chart }) => ({ right: labelsWidth(chart, series, font.css), top: 8 }) },
        scales: {
            x: { type: 'linear', grid: { display: false, drawBorder: false }, border: { display: false },
                ticks: { color: muted, precision: 0, maxRotation: 0, font: { size: 13 } } },
            y: { min: yMin, max: yMax, grid: { color: colour('--line'), drawBorder: false, drawTicks: false },
                border: { display: false },
                ticks: { color: muted, padding: 8, maxTicksLimit: 6, font: { size: 13 },
                    callback: (value) => `${figure(value, Number.isInteger(value) ? 0 : 2)}${unit}` } },
        },
        plugins: {
            legend: { display: false }, endLabels: { font: font.css },
            tooltip: { backgroundColor: colour('--float'), titleColor: colour('--text'), bodyColor: colour('--text'),
                borderColor: colour('--line-strong'), borderWidth: 1, cornerRadius: 8, padding: 8, boxPadding: 4,
                usePointStyle: true, titleFont: { size: 13, weight: '600' }, bodyFont: { size: 13 },
                callbacks: { title: (items) => items.length ? `${xLabel} ${items[0].parsed.x}` : '',
                    label: (item) => ` ${item.dataset.label}  ${figure(item.parsed.y, places)}${unit}` } },
        },
    };
}

function summary(label, series, unit = '') {
    const ends = series.filter(({ points }) => points.length).map(({ name, points }) => {
        const [x, y] = points[points.length - 1];
        return `${name} ${figure(y, 2)}${unit} at ${x}`;
    });
    return ends.length ? `${label}: ${ends.join(', ')}` : `${label}: nothing yet`;
}

/* {label, series: [{name, points: [[x, y], …], dashed, colour}], yMin, yMax, unit, best, xLabel, places}: `label` is
 * read out and not shown, `best` is the x that is marked. Answers {element, update(series, best), close()}. */
export function linePlot({ label, series, best, ...rest }) {
    const canvas = h('canvas', { role: 'img' });
    const element = h('div', { class: 'plot' }, h('div', { class: 'plot-box' }, canvas));
    let chart = null;
    let failed = null; /* the words that it could not be loaded */
    let closed = false;

    function draw() {
        attribute(canvas, 'aria-label', summary(label, series, rest.unit));
        if (!chart)
            return;
        const family = getComputedStyle(document.body).fontFamily;
        chart.data.datasets = datasets(series, best);
        chart.options = options(rest, { family, css: `13px ${family}` }, series);
        chart.update('none');
    }

    const themed = new MutationObserver(draw);
    themed.observe(document.documentElement, { attributes: true, attributeFilter: ['data-theme'] });

    async function begin() {
        const box = canvas.parentNode;
        failed?.remove();
        failed = null;
        try {
            const Chart = await chartClass();
            if (closed || chart)
                return;
            chart = new Chart(canvas, { type: 'line', data: { datasets: [] }, plugins: [endLabels] });
            draw();
        } catch (error) {
            console.error(error);
            failed ??= h('p', { class: 'muted' }, 'The plot could not be loaded.');
            box.after(failed);
        }
    }

    const stop = watch(['live'], () => store.live && failed && begin());
    begin();
    draw();
    return {
        element,
        update(next, nextBest = best) {
            series = next;
            best = nextBest;
            draw();
        },
        close() {
            closed = true;
            stop();
            themed.disconnect();
            chart?.destroy();
        },
    };
}
