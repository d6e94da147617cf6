/* The body of a function that tells each text on the page with its contrast against what it stands on: [{text, ratio}],
 * the lowest first. What a text stands on is asked of the browser (elementsFromPoint), so that a word on a shape of an
 * SVG or on a neighbour's cell is measured against that; the window has to be as large as the page. */
const parse = (text) => {
    const numbers = /^rgba?\(/.test(text) ? text.match(/[\d.]+/g).map(Number) : null;
    if (numbers)
        return [numbers[0], numbers[1], numbers[2], numbers[3] ?? 1];
    const canvas = document.createElement('canvas').getContext('2d', { willReadFrequently: true });
    canvas.fillStyle = text === 'none' ? 'transparent' : text; // color(), oklch(): what the browser makes of them
    canvas.fillRect(0, 0, 1, 1);
    const pixel = canvas.getImageData(0, 0, 1, 1).data;
    return [pixel[0], pixel[1], pixel[2], pixel[3] / 255];
};
const over = (top, below) => {
    const alpha = top[3] + below[3] * (1 - top[3]);
    const mix = (i) => alpha ? (top[i] * top[3] + below[i] * below[3] * (1 - top[3])) / alpha : 0;
    return [mix(0), mix(1), mix(2), alpha];
};
const luminance = ([r, g, b]) => {
    const [x, y, z] = [r, g, b].map((c) => c / 255 <= 0.04045 ? c / 255 / 12.92 : ((c / 255 + 0.055) / 1.055) ** 2.4);
    return 0.2126 * x + 0.7152 * y + 0.0722 * z;
};
const contrast = (one, other) => {
    const [light, dark] = [luminance(one), luminance(other)].sort((a, b) => b - a);
    return (light + 0.05) / (dark + 0.05);
};
const isShape = (element) => element instanceof SVGElement && !element.matches('svg, text, tspan, g');
const opacityOf = (element) => {
    let opacity = 1;
    for (let one = element; one; one = one.parentElement)
        opacity *= Number(getComputedStyle(one).opacity);
    return opacity;
};
const paintOf = (element) => {
    const style = getComputedStyle(element);
    const paint = parse(isShape(element) ? style.fill : style.backgroundColor);
    const own = isShape(element) ? Number(style.fillOpacity) : 1;
    return [paint[0], paint[1], paint[2], paint[3] * own * opacityOf(element)];
};
const groundOf = (element, x, y) => {
    const stack = document.elementsFromPoint(x, y);
    let below = stack.slice(Math.max(0, stack.indexOf(element)));
    if (!stack.includes(element))
        for (below = []; element; element = element.parentElement)
            below.push(element);
    let colour = [0, 0, 0, 0];
    for (const one of below)
        if (colour[3] < 0.999)
            colour = over(colour, paintOf(one));
    const dark = getComputedStyle(document.documentElement).colorScheme === 'dark';
    return over(colour, dark ? [18, 18, 18, 1] : [255, 255, 255, 1]);
};
const found = [];
const measure = (element, text, box, colour) => {
    const ground = groundOf(element, box.left + box.width / 2, box.top + box.height / 2);
    const ink = parse(colour);
    ink[3] *= opacityOf(element);
    found.push({ text: text.trim().slice(0, 60), ratio: Math.round(contrast(over(ink, ground), ground) * 100) / 100,
        ink: colour, ground: ground.map(Math.round).join(' '), at: element.outerHTML.slice(0, 120) });
};
const isShown = (element, box) => element.checkVisibility({ opacityProperty: true, visibilityProperty: true }) &&
    box.width > 1.5 && box.height > 1.5 && box.right > 0 && box.bottom > 0 && box.left < innerWidth;
const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
for (let node = walker.nextNode(); node; node = walker.nextNode()) {
    const element = node.parentElement;
    if (!node.data.trim() || element.matches('script, style, option, :disabled, :disabled *, [aria-disabled=true]'))
        continue;
    const range = document.createRange();
    range.selectNodeContents(node);
    const box = range.getBoundingClientRect();
    if (isShown(element, box) && !element.closest('.visually-hidden'))
        measure(element, node.data, box, isShape(element) || element instanceof SVGElement ?
            getComputedStyle(element).fill : getComputedStyle(element).color);
}
for (const element of document.querySelectorAll('input:not([type=checkbox], [type=radio], [type=range], [type=file]),' +
    'select, textarea')) {
    const box = element.getBoundingClientRect();
    if (!isShown(element, box) || element.disabled)
        continue;
    const pseudo = !element.value && element.placeholder ? '::placeholder' : undefined;
    measure(element, element.value || element.placeholder || 'field', box, getComputedStyle(element, pseudo).color);
}
return found.sort((a, b) => a.ratio - b.ratio);
