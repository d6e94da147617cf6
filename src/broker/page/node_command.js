/* The command that starts a node which dials this broker from whichever machine. */

export function nodeCommand(...options) {
    const host = location.hostname.replace(/^\[(.*)\]$/, '$1'); /* the address of IPv6 without its brackets */
    return ['dcls node --name node0 --host', host, ...options].join(' ');
}

/* The port that nodes dial is not the page's, which does not know it. */
export const portHint = 'Add --port where the broker was started with one';
