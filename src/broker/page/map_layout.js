/* Where things stand in the picture of a cluster: pure geometry. The broker in the middle and the nodes around it: a
 * few on an ellipse, more on the four sides of a frame; or, where it is narrow, a trunk that goes down from the broker
 * and a card on each branch. */

export const CARD = { width: 208, height: 136 };
export const HUB = { width: 136, height: 72 };
export const MOST = 12; /* nodes that fit around a broker */

const FEW = 6;
const NARROW = 600;
const GAP = 16, ROWS_GAP = 40;
const TRUNK = 24; /* how far branches stand from the trunk */

/* From the hub's middle to the nearest edge of the card, at right angles to it. */
function edge(hub, card) {
    const x = card.x + CARD.width / 2, y = card.y + CARD.height / 2;
    const away = Math.abs(y - hub.y) * CARD.width > Math.abs(x - hub.x) * CARD.height; /* above or below, not beside */
    const end = away ? { x, y: y < hub.y ? card.y + CARD.height : card.y } :
        { x: x < hub.x ? card.x + CARD.width : card.x, y };
    const bend = away ? `${hub.x} ${(hub.y + end.y) / 2} ${end.x} ${(hub.y + end.y) / 2}` :
        `${(hub.x + end.x) / 2} ${hub.y} ${(hub.x + end.x) / 2} ${end.y}`;
    return `M${hub.x} ${hub.y}C${bend} ${end.x} ${end.y}`;
}

/* The cards fill the height, whichever part of the ellipse they stand on. The height has two steps, so that what
 * stands below moves seldom. */
function onEllipse(count, width) {
    const height = count <= 3 ? 360 : 480;
    const first = count <= 2 ? Math.PI : -Math.PI / 2; /* two: one at each side */
    const points = Array.from({ length: count }, (none, i) => {
        const angle = first + 2 * Math.PI * i / count;
        return { x: Math.cos(angle), y: Math.sin(angle) };
    });
    const top = Math.min(...points.map(({ y }) => y)), bottom = Math.max(...points.map(({ y }) => y));
    const across = Math.min(width - CARD.width, 960) / 2;
    const down = count <= 2 ? 0 : (height - CARD.height) / (bottom - top);
    const hub = { x: width / 2, y: count <= 2 ? height / 2 : CARD.height / 2 - top * down };
    const cards = points.map(({ x, y }) => ({
        x: Math.round(hub.x + across * x - CARD.width / 2),
        y: Math.round(hub.y + down * y - CARD.height / 2),
        width: CARD.width,
    }));
    return { height, hub, cards, edges: cards.map((card) => edge(hub, card)) };
}

/* From the upper left corner on, clockwise. */
function onFrame(count, width, columns) {
    let sides = count - 2 * columns, bottom = columns;
    if (sides % 2) {
        bottom -= 1;
        sides += 1;
    }
    const rows = 2 + sides / 2;
    const height = rows * CARD.height + (rows - 1) * ROWS_GAP;
    const hub = { x: width / 2, y: height / 2 };
    const card = (x, row) => ({ x: Math.round(x), y: row * (CARD.height + ROWS_GAP), width: CARD.width });
    const across = (number) => Array.from({ length: number }, (none, i) => number === columns ?
        i * (width - CARD.width) / (columns - 1) : width * (i + 0.5) / number - CARD.width / 2);
    const inner = Array.from({ length: rows - 2 }, (none, i) => i + 1);
    const cards = [...across(columns).map((x) => card(x, 0)), ...inner.map((row) => card(width - CARD.width, row)),
        ...across(bottom).reverse().map((x) => card(x, rows - 1)), ...inner.reverse().map((row) => card(0, row))];
    return { height, hub, cards, edges: cards.map((each) => edge(hub, each)) };
}

function below(count, width) {
    const hub = { x: HUB.width / 2, y: HUB.height / 2 };
    const cards = Array.from({ length: count }, (none, i) =>
        ({ x: TRUNK, y: HUB.height + GAP + i * (CARD.height + GAP), width: width - TRUNK }));
    const edges = cards.map((card) => `M8 ${HUB.height / 2}V${card.y + CARD.height / 2 - 8}q0 8 8 8h${TRUNK - 16}`);
    return { height: HUB.height + count * (CARD.height + GAP), hub, cards, edges };
}

/* {height, hub: its middle, cards: [{x, y, width}], edges: [path]} */
export function mapLayout(count, width) {
    const columns = Math.min(count <= 8 ? 3 : 4, Math.floor((width + GAP) / (CARD.width + GAP)));
    if (width < NARROW || (count > FEW && columns < 3))
        return below(count, width);
    return count <= FEW ? onEllipse(count, width) : onFrame(count, width, columns);
}
