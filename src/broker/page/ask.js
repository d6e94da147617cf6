/* One photo to one model: POST /inference, and who answered how fast. */
import { ApiError, url } from './api.js';

export const TOP = 5;
const UPLOAD_MAX = 32 * 1024 * 1024; /* what the broker takes */
const PATIENCE_MS = 60000;           /* the broker gives a node 15 s */
/* What the broker says of nodes that are away, as all are for a moment after it was started anew. */
const MAY_COME_BACK = /^no connected node has a model |^node '.*' was lost$|^Node '.*' not found$|^the node cannot be /;

function request(photo, { model, node }, signal) {
    if (photo.path) {
        const headers = { 'Content-Type': 'application/json' };
        const body = JSON.stringify({ imagePath: photo.path, modelName: model, node: node || undefined });
        return fetch(url(`/inference?top=${TOP}`), { method: 'POST', headers, body, signal });
    }
    if (photo.file.size > UPLOAD_MAX)
        throw new ApiError(413, 'the file is larger than the 32 MiB that the broker takes', null);
    const query = new URLSearchParams({ model, top: TOP });
    if (node)
        query.set('node', node);
    const type = /^image\/[\w.+-]+$/.test(photo.file.type) ? photo.file.type : 'application/octet-stream';
    return fetch(url(`/inference?${query}`),
        { method: 'POST', headers: { 'Content-Type': type }, body: photo.file, signal });
}

/* Why fetch failed without an answer. */
async function unreachable(photo) {
    try {
        await photo.file?.slice(0, 1).arrayBuffer();
    } catch {
        return new ApiError(0, 'the file cannot be read any more', null);
    }
    const error = new ApiError(0, 'the broker cannot be reached', null);
    error.isTemporary = true;
    return error;
}

/* An upload's name at the node is its digest, which tells a person nothing. */
function refusal(response, report) {
    const told = typeof report?.error === 'string' ? report.error : `the broker answered ${response.status}`;
    const reason = told.replace(/^image 'sha256:[0-9a-f]+': /, '');
    const error = new ApiError(response.status, reason, report);
    const seconds = Number.parseInt(response.headers.get('Retry-After') ?? '', 10);
    error.retryAfter = Number.isFinite(seconds) ? seconds : null;
    /* A proxy whose broker is away says 502 or 504 in words of its own. */
    error.isTemporary = response.status === 503 || MAY_COME_BACK.test(told) || (!report && response.status > 500);
    return error;
}

function isPair(pair) {
    return Array.isArray(pair) && typeof pair[0] === 'string' && Number.isFinite(pair[1]);
}

function answerOf(response, report, ms) {
    const top = Array.isArray(report?.output) ? report.output.filter(isPair).slice(0, TOP) : [];
    if (!top.length)
        throw new ApiError(response.status, 'the node answered without a class', report);
    const timing = /(?:^|,)\s*node;dur=([\d.]+)/.exec(response.headers.get('Server-Timing') ?? '');
    return { top, node: response.headers.get('X-Dcls-Node') ?? '', ms, nodeMs: timing ? Number(timing[1]) : null };
}

/* {top: [[class, probability], …], node, ms, nodeMs}; throws an ApiError or an AbortError. An ApiError that
 * `isTemporary` may be another answer later, after `retryAfter` seconds where the broker said so. */
export async function ask(photo, question, signal) {
    const deadline = AbortSignal.timeout(PATIENCE_MS);
    const begun = performance.now();
    let response, report;
    try {
        response = await request(photo, question, AbortSignal.any([signal, deadline]));
        report = await (response.ok ? response.json() : response.json().catch(() => null));
    } catch (error) {
        if (signal.aborted || error instanceof ApiError)
            throw error;
        if (deadline.aborted)
            throw new ApiError(0, `there was no answer for ${PATIENCE_MS / 1000} s`, null);
        throw response ? new ApiError(response.status, 'the answer broke off', null) : await unreachable(photo);
    }
    const ms = performance.now() - begun;
    if (!response.ok)
        throw refusal(response, report);
    return answerOf(response, report, ms);
}
