/* Which node trains, and so on which photos. Photos lie on nodes: to choose the one is to choose the other. Nothing
 * here touches the page. */
import { count, plural } from './format.js';

export const ANY = '';
export const SEVERAL = '*'; /* no name of a node */

/* A node that tells of no dataset fetches the broker's images; a legacy node tells of none and has its own. */
function isLegacy(node) {
    return node.protocol === undefined;
}

/* Nodes that hold as many photos in as many classes are taken to hold the same. */
export function photosKey(node) {
    const { images, classes } = node.dataset ?? {};
    return images >= 0 ? `${images}/${classes ?? ''}` : isLegacy(node) ? `of ${node.name}` : 'broker';
}

export function photosText(node) {
    const { images, classes } = node.dataset ?? {};
    if (!(images >= 0))
        return isLegacy(node) ? `the photos of ${node.name}` : 'the broker’s photos';
    const photos = plural(images, 'photo');
    return classes >= 0 ? `${photos} in ${plural(classes, 'class', 'classes')}` : photos;
}

function isIdle(node) {
    return !node.running?.length;
}

function areAlike(nodes) {
    return new Set(nodes.map(photosKey)).size <= 1;
}

function firstOf(nodes) {
    return nodes.find(isIdle) ?? nodes[0];
}

/* While nobody has chosen: any node where all have the same photos, else one that has some and is idle. */
export function preferredNode(nodes) {
    if (areAlike(nodes))
        return ANY;
    return firstOf(nodes.filter((node) => node.dataset?.images > 0))?.name ?? ANY;
}

/* The node to choose for those photos. */
export function nodeForPhotos(nodes, key) {
    return areAlike(nodes) ? ANY : firstOf(nodes.filter((node) => photosKey(node) === key))?.name ?? ANY;
}

/* The node whose photos are meant; undefined where that is open. `team` are the names behind SEVERAL. */
export function shownNode(nodes, chosen, team) {
    const name = chosen === SEVERAL ? team[0] : chosen;
    return nodes.find((node) => node.name === name) ?? (areAlike(nodes) ? nodes[0] : undefined);
}

/* [value, label] for the select of photos. */
export function photosOptions(nodes, shown) {
    const list = [...new Map(nodes.map((node) => [photosKey(node), photosText(node)]))];
    return shown ? list : [['', nodes.length ? 'the photos of that node' : 'its photos'], ...list];
}

/* [value, label] for the select of nodes. What was chosen stays, even when it left. */
export function nodeOptions(nodes, chosen, maxNodes) {
    const list = [[ANY, 'any free node'],
        ...nodes.map((node) => [node.name, isIdle(node) ? node.name : `${node.name} (busy: waits)`])];
    if (chosen !== ANY && chosen !== SEVERAL && !nodes.some((node) => node.name === chosen))
        list.push([chosen, `${chosen} (not there)`]);
    if (maxNodes > 1 && nodes.length > 1)
        list.push([SEVERAL, 'several nodes']);
    return list;
}

/* What is wrong with a team; '' where nothing is. */
export function checkTeam(team, maxNodes) {
    if (!team.length)
        return 'tick the nodes that train together';
    return team.length > maxNodes ? `at most ${count(maxNodes)} nodes train together` : '';
}
