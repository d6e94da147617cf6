"""Who sees little, or has no mouse: what Tab reaches, in which order and under which name, and how far texts stand out
from what is behind them."""
import pathlib

CONTRAST = (pathlib.Path(__file__).parent / "contrast.js").read_text()
LEAST_CONTRAST = 4.5
TAB = {"key": "Tab", "code": "Tab", "windowsVirtualKeyCode": 9}
BEGIN = """document.activeElement?.blur(); window.scrollTo(0, 0); window.__walked = [];
    getSelection().removeAllRanges(); document.body.tabIndex = -1; document.body.focus();
    document.body.removeAttribute('tabindex');"""
# Notes what has the focus: where it is, whether that shows, whether it stands behind the one before. Null: the page is
# through.
NOTE = """const element = document.activeElement, walked = window.__walked;
    if (!element || element === document.body || element === document.documentElement || walked.includes(element))
        return null;
    const before = walked[walked.length - 1], box = element.getBoundingClientRect();
    const marks = [element, element.nextElementSibling].filter(Boolean).map((one) => getComputedStyle(one));
    walked.push(element);
    element.setAttribute('data-walked', walked.length - 1);
    return {index: element.tabIndex, html: element.outerHTML.slice(0, 160),
        follows: !before || !!(before.compareDocumentPosition(element) & Node.DOCUMENT_POSITION_FOLLOWING),
        shown: box.width > 0 && box.right > 0 && box.bottom > 0 && box.left < innerWidth && box.top < innerHeight,
        marked: marks.some((style) => style.outlineStyle !== 'none' && parseFloat(style.outlineWidth) > 0)};"""
# What Tab passes over on purpose: what says so itself, and all of a group of radio buttons but one.
PASS_OVER = """for (const one of document.querySelectorAll('*'))
    if (one.tabIndex < 0 || one.disabled || !one.checkVisibility() || one === document.documentElement ||
            one.matches('input[type=radio]'))
        one.setAttribute('data-passed-over', '');"""
FORGET = """for (const name of ['data-walked', 'data-passed-over'])
    document.querySelectorAll(`[${name}]`).forEach((one) => one.removeAttribute(name));"""
NO_CONTROL = ("RootWebArea", "StaticText", "InlineTextBox")


def attributes_by_id(node, found):
    """The attributes of each element of DOM.getDocument, by the id that the accessibility tree names it by."""
    flat = node.get("attributes", [])
    found[node["backendNodeId"]] = dict(zip(flat[::2], flat[1::2]), html=f"{node['nodeName']} {flat}"[:200])
    for child in [*node.get("children", []), *node.get("shadowRoots", [])]:
        attributes_by_id(child, found)
    return found


def walk(browser, most=500):
    """Presses Tab until the page is through: (what was reached, each with the role and the name that a screen reader
    has of it; the controls that were not)."""
    browser.run(BEGIN)
    stops = []
    while True:
        for kind in ("rawKeyDown", "keyUp"):
            browser.cdp("Input.dispatchKeyEvent", type=kind, **TAB)
        stop = browser.run(NOTE)
        if stop is None:
            break
        stops.append(stop)
        assert len(stops) < most, f"Tab has not come round after {most} stops, the last of them {stop['html']}"
    browser.run(PASS_OVER)
    of = attributes_by_id(browser.cdp("DOM.getDocument", depth=-1)["root"], {})
    missed = []
    for node in browser.cdp("Accessibility.getFullAXTree")["nodes"]:
        known = of.get(node.get("backendDOMNodeId"))
        role, name = node.get("role", {}).get("value", ""), node.get("name", {}).get("value", "").strip()
        if known and "data-walked" in known:
            stops[int(known["data-walked"])].update(role=role, name=name)
        elif known and not node.get("ignored") and role not in NO_CONTROL and "data-passed-over" not in known and any(
                one["name"] == "focusable" and one["value"].get("value") for one in node.get("properties", [])):
            missed.append(f"{role} {name!r} {known['html']}")
    browser.run(FORGET)
    return stops, missed


def assert_reached_and_named(browser, what):
    """Every control of the view is reached by Tab, in the document's order, where one sees it, and has a role and a
    name."""
    stops, missed = walk(browser)
    assert len(stops) >= 5, (what, stops)
    nameless = [stop["html"] for stop in stops if not stop.get("name") or stop["role"] in ("generic", "none", "")]
    assert not nameless, f"{what}: without role or name: {nameless}"
    disordered = [stop["html"] for stop in stops if not stop["follows"] or stop["index"] != 0]
    assert not disordered, f"{what}: out of order: {disordered}"
    unseen = [stop["html"] for stop in stops if not stop["shown"] or not stop["marked"]]
    assert not unseen, f"{what}: where the focus is does not show: {unseen}"
    assert not missed, f"{what}: not reached by Tab: {missed}"
    return stops


def assert_legible(browser, what):
    """Every text that is shown has a contrast of 4.5:1 against what is behind it."""
    texts = browser.run(CONTRAST)
    assert texts, what
    weak = [text for text in texts if text["ratio"] < LEAST_CONTRAST]
    assert not weak, f"{what}: contrast below {LEAST_CONTRAST}:1: {weak[:6]} and {max(0, len(weak) - 6)} more"
