"""The modules of a folder form no circle: not by their includes, and not by the functions they call.

The headers that hold a role's own struct may be included by whatever is a part of it; to call what is defined in the
`.c` beside such a header counts as for any other.
"""
import collections

ROLES = ("src/broker/broker", "src/node/daemon")


def edges_of(tree):
    """{module: {module it uses: how}}, within folders only."""
    edges = collections.defaultdict(dict)

    def add(user, used, how):
        if user != used and user.rsplit("/", 1)[0] == used.rsplit("/", 1)[0]:
            edges[user].setdefault(used, how)

    for path, name, owner in tree.calls():
        if owner:
            add(tree.module(path), tree.module(owner), f"calls {name}")
    for path in tree.sources():
        for include in tree.includes(path):
            used = include.target and tree.module(include.target)
            if used and used not in ROLES:
                add(tree.module(path), used, f"includes {include.name}")
    return edges


def circles(edges):
    """The strongly connected components of more than one module (Tarjan)."""
    index, low, stack, found = {}, {}, [], []

    def visit(module):
        index[module] = low[module] = len(index)
        stack.append(module)
        for used in edges[module]:
            if used not in index:
                visit(used)
            if used in stack:
                low[module] = min(low[module], low[used])
        if low[module] == index[module]:
            at = stack.index(module)
            if len(stack) - at > 1:
                found.append(sorted(stack[at:]))
            del stack[at:]

    for module in sorted(edges):
        if module not in index:
            visit(module)
    return found


def check(tree):
    edges = edges_of(tree)
    for circle in circles(edges):
        uses = [f"{user.rsplit('/', 1)[1]} {how}" for user in circle for used, how in edges[user].items()
                if used in circle]
        yield f"{circle[0].rsplit('/', 1)[0]}: a circle of {len(circle)} modules: {'; '.join(uses)}"
