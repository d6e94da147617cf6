/* The models of the store. The broker tells of each that it knows by a digest, when it comes into its list and when it
 * leaves it. A legacy node tells no digests: what it has is listed for as long as it is connected, and told of by the
 * node's own events. */
import { note, store } from './store.js';

const told = new Map();   /* by name: the versions that the broker told of */
const legacy = new Map(); /* by name: the legacy nodes that have one */

/* The one that was made last first. */
function inOrder(a, b) {
    const [first, second] = [a, b].map((version) => version.sha256 ?? '');
    return (b.completed ?? 0) - (a.completed ?? 0) || (first < second ? -1 : 1);
}

function show(name) {
    const versions = [...told.get(name) ?? []];
    const nodes = [...legacy.get(name) ?? []];
    if (nodes.length && versions.every((version) => version.sha256))
        versions.push({ name, nodes });
    versions.sort(inOrder);
    if (versions.length)
        store.models.set(name, { ...versions[0], versions });
    else
        store.models.delete(name);
    note('model', name);
}

/* A snapshot names what legacy nodes have, too. */
function followsFromNodes({ sha256, job, nodes }) {
    return !sha256 && !job && nodes?.every((name) => store.nodes.get(name)?.protocol === undefined);
}

/* Models of one name and different digests are versions of one entry. */
export function putModel(model) {
    const { gone, ...rest } = model;
    if (followsFromNodes(rest))
        return;
    const others = (told.get(model.name) ?? []).filter((known) => known.sha256 !== model.sha256);
    const versions = gone ? others : [rest, ...others];
    if (versions.length)
        told.set(model.name, versions);
    else
        told.delete(model.name);
    show(model.name);
}

function legacyModels(node) {
    return new Set(node && !node.gone && node.protocol === undefined ? node.models : []);
}

/* A node is another than before; undefined: it is not there. */
export function nodeChanged(before, after) {
    const [had, has] = [before, after].map(legacyModels);
    for (const name of had) {
        if (has.has(name))
            continue;
        legacy.get(name).delete(before.name);
        if (!legacy.get(name).size)
            legacy.delete(name);
        show(name);
    }
    for (const name of has) {
        if (had.has(name))
            continue;
        if (!legacy.has(name))
            legacy.set(name, new Set());
        legacy.get(name).add(after.name);
        show(name);
    }
}
