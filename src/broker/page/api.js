/* Requests to the broker. Paths are the broker's ("/jobs/7"); they are asked for relative to the page, so that it works
 * below a prefix of a reverse proxy too. What the broker refuses comes as an ApiError with the broker's own words. */

const PATIENCE_MS = 60000; /* the broker gives a node 15 s */

export class ApiError extends Error {
    constructor(status, message, body) {
        super(message);
        this.name = 'ApiError';
        this.status = status; /* 0: it could not be reached */
        this.body = body;     /* what it answered, parsed where it was JSON */
    }
}

/* The address of a path of the broker's, for links and images. */
export function url(path) {
    return path.replace(/^\/+/, '');
}

/* A path of encoded segments: path('models', name, 'report'). */
export function path(...segments) {
    return '/' + segments.map(encodeURIComponent).join('/');
}

async function parse(response) {
    const type = response.headers.get('Content-Type') ?? '';
    if (response.status === 204)
        return null;
    return type.startsWith('application/json') ? response.json() : response.text();
}

/* `options`: {signal} to give up. Answers the parsed JSON, or text where it is none. */
export async function send(method, where, body, headers, options = {}) {
    const deadline = AbortSignal.timeout(PATIENCE_MS);
    const signal = options.signal ? AbortSignal.any([options.signal, deadline]) : deadline;
    let response, answer;
    try {
        response = await fetch(url(where), { method, body, headers, signal });
        answer = await parse(response);
    } catch (error) {
        if (options.signal?.aborted)
            throw error;
        if (deadline.aborted)
            throw new ApiError(0, `there was no answer for ${PATIENCE_MS / 1000} s`, null);
        if (!response)
            throw new ApiError(0, 'the broker cannot be reached', null);
        throw new ApiError(response.status, 'the answer of the broker cannot be read', null);
    }
    if (response.ok)
        return answer;
    const reason = answer && typeof answer === 'object' && typeof answer.error === 'string' ? answer.error : null;
    throw new ApiError(response.status, reason ?? `the broker answered ${response.status}`, answer);
}

export function get(where, options) {
    return send('GET', where, undefined, { Accept: 'application/json' }, options);
}

export function post(where, json, headers = {}, options) {
    return send('POST', where, JSON.stringify(json), { 'Content-Type': 'application/json', ...headers }, options);
}

/* DELETE */
export function remove(where, options) {
    return send('DELETE', where, undefined, {}, options);
}
