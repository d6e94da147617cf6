/* Numbers, sizes and times as text, in the person's own manner of writing them. */
import { h, text } from './dom.js';

const whole = new Intl.NumberFormat(undefined, { maximumFractionDigits: 0 });
const exact = new Intl.DateTimeFormat(undefined, { dateStyle: 'medium', timeStyle: 'medium' });
const day = new Intl.DateTimeFormat(undefined, { dateStyle: 'medium' });
const NONE = '–';

function digits(value, places) {
    return value.toLocaleString(undefined, { minimumFractionDigits: places, maximumFractionDigits: places });
}

function isNumber(value) {
    return typeof value === 'number' && Number.isFinite(value);
}

/* 12,345 */
export function count(number) {
    return isNumber(number) ? whole.format(number) : NONE;
}

/* "1 photo", "2 photos"; plural(2, 'class', 'classes') */
export function plural(number, one, many = `${one}s`) {
    return `${count(number)} ${number === 1 ? one : many}`;
}

/* Of a number from 0 to 100. */
export function percent(number, places = 1) {
    return isNumber(number) ? `${digits(number, places)} %` : NONE;
}

export function decimal(number, places = 2) {
    return isNumber(number) ? digits(number, places) : NONE;
}

/* A number that is small: 0.00123 */
export function significant(number, figures) {
    return isNumber(number) ? number.toLocaleString(undefined, { maximumSignificantDigits: figures }) : NONE;
}

/* 12.3 MB, as file managers say it */
export function bytes(number) {
    const units = ['B', 'kB', 'MB', 'GB', 'TB'];
    if (!isNumber(number))
        return NONE;
    let unit = 0;
    for (; number >= 999.5 && unit < units.length - 1; unit++)
        number /= 1000;
    return `${digits(number, unit && number < 99.95 ? 1 : 0)} ${units[unit]}`;
}

/* A machine's memory: 23.5 GiB */
export function memory(number) {
    return isNumber(number) ? `${digits(number / 2 ** 30, 1)} GiB` : NONE;
}

/* images a second */
export function rate(number) {
    return isNumber(number) ? `${digits(number, number < 10 ? 1 : 0)} images/s` : NONE;
}

/* Seconds: 850 ms, 12 s, 3 min 20 s, 2 h 5 min, 3 d 4 h */
export function duration(seconds) {
    if (!isNumber(seconds))
        return NONE;
    if (seconds < 1)
        return `${Math.round(seconds * 1000)} ms`;
    const s = Math.round(seconds);
    if (s < 60)
        return `${s} s`;
    if (s < 3600)
        return `${Math.floor(s / 60)} min ${s % 60} s`;
    if (s < 86400)
        return `${Math.floor(s / 3600)} h ${Math.floor(s % 3600 / 60)} min`;
    return `${Math.floor(s / 86400)} d ${Math.floor(s % 86400 / 3600)} h`;
}

/* The same, as one says how much is left: "about 3 min" */
export function left(seconds) {
    if (!isNumber(seconds))
        return NONE;
    if (seconds < 90)
        return `${Math.max(1, Math.round(seconds))} s left`;
    if (seconds < 5400)
        return `${Math.round(seconds / 60)} min left`;
    return `${digits(seconds / 3600, 1)} h left`;
}

/* Milliseconds since 1970: the day and the time */
export function date(ms) {
    return isNumber(ms) ? exact.format(ms) : NONE;
}

function agoText(ms) {
    if (!isNumber(ms))
        return NONE;
    const seconds = Math.max(0, (Date.now() - ms) / 1000);
    const said = (number, unit) => `${number} ${unit}${number === 1 ? '' : 's'} ago`;
    if (seconds < 10)
        return 'just now';
    if (seconds < 60)
        return said(Math.floor(seconds / 10) * 10, 'second');
    if (seconds < 3600)
        return said(Math.floor(seconds / 60), 'minute');
    if (seconds < 86400)
        return said(Math.floor(seconds / 3600), 'hour');
    return seconds < 7 * 86400 ? said(Math.floor(seconds / 86400), 'day') : day.format(ms);
}

/* Brings an element of ago() to another time. */
export function setAgo(element, ms) {
    const known = isNumber(ms);
    const told = known ? String(ms) : '';
    if (element.dataset.ago !== told) {
        element.dataset.ago = told;
        element.dateTime = known ? new Date(ms).toISOString() : '';
        element.title = known ? date(ms) : '';
    }
    text(element, agoText(ms));
}

/* "2 minutes ago", exact on hover; it stays true by itself. */
export function ago(ms) {
    const element = h('time', {});
    setAgo(element, ms);
    return element;
}

setInterval(() => {
    for (const element of document.querySelectorAll('time[data-ago]'))
        if (element.dataset.ago)
            text(element, agoText(Number(element.dataset.ago)));
}, 10000);
