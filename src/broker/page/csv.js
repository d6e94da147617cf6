/* Answers as CSV (RFC 4180), a line a photo and model. A cell that a spreadsheet would take for a formula begins with
 * an apostrophe: names of files and classes come from anywhere. */
import { TOP } from './ask.js';
import { h } from './dom.js';
import { isDone } from './photos.js';

const REVOKE_MS = 60000; /* a browser that asks where to save needs the address that long */

function cell(value) {
    let words = String(value ?? '');
    if (typeof value !== 'number' && /^[=+\-@\t\r\n＝＋－＠]/.test(words))
        words = `'${words}`;
    return /[",\r\n]|^\s|\s$/.test(words) ? `"${words.replaceAll('"', '""')}"` : words;
}

function row(cells) {
    return `${cells.map(cell).join(',')}\r\n`;
}

function header() {
    const ranks = ['', 'second_', 'third_', 'fourth_', 'fifth_'].slice(0, TOP);
    return ['file', 'model', ...ranks.flatMap((rank) => [`${rank}class`, `${rank}probability`]), 'node', 'ms', 'error'];
}

function line(photo, question) {
    const answer = photo.answers.get(question.key);
    const top = answer?.top ?? [];
    const guesses = Array.from({ length: TOP }, (_, rank) => top[rank] ?? [null, null]).flat();
    const error = isDone(answer) ? null : answer?.error ?? 'not classified';
    const ms = answer?.ms === undefined ? null : Math.round(answer.ms * 10) / 10;
    return [photo.name, question.model, ...guesses, answer?.node, ms, error];
}

export function csvOf(photos, questions) {
    return row(header()) + photos.flatMap((photo) => questions.map((question) => row(line(photo, question)))).join('');
}

export function fileNameOf(questions, now = new Date()) {
    const day = [now.getFullYear(), now.getMonth() + 1, now.getDate()].map((part) => String(part).padStart(2, '0'));
    return `${['dcls', ...questions.map((question) => question.model), ...day].join('-')}.csv`;
}

export function download(name, words) {
    const url = URL.createObjectURL(new Blob([words], { type: 'text/csv;charset=utf-8' }));
    const link = h('a', { href: url, download: name, hidden: true });
    document.body.append(link);
    link.click();
    link.remove();
    setTimeout(() => URL.revokeObjectURL(url), REVOKE_MS);
}
