"""Debian's Chromium without a window, as a person uses it: what is on the page is found by its role and its accessible
name alone, so that each test is one of accessibility too. It reaches this machine and nothing else, and it remembers
what must not be: a request to another host, an error in the console, a breach of the Content-Security-Policy."""
import base64
import json
import os
import pathlib
import re
import time
import urllib.parse

from harness import PATIENCE, wait_for
from selenium import webdriver
from selenium.common.exceptions import NoSuchElementException, StaleElementReferenceException, WebDriverException
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.support.ui import Select

PICTURES = pathlib.Path(os.environ.get("DCLS_BUILD") or pathlib.Path(__file__).parents[2] / "build") / "page"
# Names of other origins: one that is at 127.0.0.1, and one whose address a test answers for, at 127.0.0.2.
FOREIGN, REBOUND = "evil.test", "rebound.test"
RULES = f"MAP {FOREIGN} 127.0.0.1, MAP {REBOUND} 127.0.0.2, MAP * ~NOTFOUND, EXCLUDE 127.0.0.1, EXCLUDE localhost"
FLAGS = ["--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run",
         "--disable-background-networking", "--disable-component-update", "--disable-sync", "--disable-extensions",
         "--disable-default-apps", "--mute-audio", "--hide-scrollbars", "--window-size=1280,800", "--lang=en-US",
         "--use-fake-device-for-media-stream", f"--host-resolver-rules={RULES}"]
WIDE, PHONE = (1280, 800), (390, 844)
WAIT = 120  # seconds that anything may take to be on the page: on a busy machine everything is slow
# Runs before any script of a page: what the browser itself measures, from the first moment.
WATCH = """(() => {
    const seen = window.__seen = {shifts: [], tasks: [], breaches: []};
    const observe = (type, take) => new PerformanceObserver((list) => list.getEntries().forEach(take))
        .observe({type, buffered: true});
    observe('layout-shift', (entry) => { if (!entry.hadRecentInput) seen.shifts.push({value: entry.value,
        what: entry.sources.map((s) => (s.node && (s.node.outerHTML || s.node.textContent) || '?').slice(0, 160))}); });
    observe('longtask', (entry) => seen.tasks.push({start: entry.startTime, took: entry.duration}));
    addEventListener('securitypolicyviolation', (event) => seen.breaches.push(
        `${event.violatedDirective} ${event.blockedURI} ${event.sourceFile}:${event.lineNumber}`));
})();"""


class Browser:
    """One Chromium; `tab` gives each test a tab of its own, and tells at its end what was wrong."""

    def __init__(self, folder):
        options = webdriver.ChromeOptions()
        options.binary_location = "/usr/bin/chromium"
        for flag in [*FLAGS, f"--user-data-dir={folder}/profile"]:
            options.add_argument(flag)
        options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
        options.add_experimental_option("perfLoggingPrefs", {"enableNetwork": True, "enablePage": False})
        options.add_experimental_option("prefs", {"download.default_directory": f"{folder}/downloads"})
        self.downloads = pathlib.Path(folder) / "downloads"
        self.driver = webdriver.Chrome(service=Service("/usr/bin/chromedriver", log_path=f"{folder}/driver.log"),
                                       options=options)
        self.driver.set_script_timeout(WAIT * PATIENCE)
        self.driver.set_page_load_timeout(WAIT * PATIENCE)
        self.home = self.driver.current_window_handle
        self.base, self.allowed, self.requests, self.wrong = "", [], [], []

    # A test's tab
    def begin(self):
        self.driver.switch_to.new_window("tab")
        self.base, self.allowed, self.requests, self.wrong, self.hosts = "", [], [], [], {"127.0.0.1"}
        self._drain()
        self.requests, self.wrong = [], []
        self.cdp("Page.enable")
        self.cdp("Page.addScriptToEvaluateOnNewDocument", source=WATCH)
        self.size(*WIDE)
        self.media("light")

    def end(self):
        """Closes the tab; an error, a breach or a request to another host is a failure."""
        wrong = []
        try:
            self.look()
            wrong = [text for text in self.wrong if not any(re.search(one, text) for one in self.allowed)]
            self.driver.close()
        finally:
            self.driver.switch_to.window(self.home)
        assert not wrong, "\n".join(wrong)

    def look(self):
        """Takes what the browser has noted since: also before the page is left, since its own notes go with it."""
        try:
            breaches = self.run("return window.__seen ? window.__seen.breaches.splice(0) : []")
        except WebDriverException:
            breaches = []
        self.wrong += [f"a breach of the policy: {text}" for text in breaches]
        self._drain()

    def _drain(self):
        for entry in self.driver.get_log("browser"):
            if entry["level"] == "SEVERE":
                self.wrong.append(f"{entry['source']}: {entry['message']}")
        for entry in self.driver.get_log("performance"):
            message = json.loads(entry["message"])["message"]
            self.requests.append(message)
            if message["method"] == "Network.requestWillBeSent":
                address = urllib.parse.urlsplit(message["params"]["request"]["url"])
                if address.scheme not in ("data", "blob", "about", "chrome") and address.hostname not in self.hosts:
                    self.wrong.append(f"a request to another host: {address.geturl()}")

    def allow(self, *patterns):
        """What the console may tell in this test, since it provokes that."""
        self.allowed += patterns

    def transferred(self):
        """Bytes that came over the wire for everything that ended since the tab began, heads and bodies."""
        self._drain()
        return sum(message["params"]["encodedDataLength"] for message in self.requests
                   if message["method"] == "Network.loadingFinished")

    # Ways in
    def cdp(self, command, **parameters):
        return self.driver.execute_cdp_cmd(command, parameters)

    def run(self, script, *arguments):
        return self.driver.execute_script(script, *arguments)

    def run_async(self, script, *arguments):
        """The value, or {"error"}, of the body of an async function."""
        return self.driver.execute_async_script(
            "const done = arguments[arguments.length - 1], given = [...arguments].slice(0, -1);"
            f"(async (...args) => {{ {script} }})(...given).then(done, (error) => done({{error: String(error)}}));",
            *arguments)

    def open(self, address):
        """`address`: a whole one, or what comes behind the broker's, as '#/jobs/7'. Always a new document."""
        self.look()
        whole = address if re.match("[a-z]+:", address) else f"{self.base}/{address.lstrip('/')}"
        if self.driver.current_url.partition("#")[0] == whole.partition("#")[0]:
            self.driver.get("about:blank")
        self.driver.get(whole)

    def size(self, width, height):
        self.width = width
        self.cdp("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1,
                 mobile=width < 600)

    def media(self, scheme, motion="no-preference"):
        self.cdp("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": scheme},
                                                         {"name": "prefers-reduced-motion", "value": motion}])

    def assert_fits(self, what):
        """A phone widens what it calls its window to what does not fit."""
        wanted = self.run("return document.documentElement.scrollWidth")
        assert wanted <= self.width, f"{what} is {wanted} pixels wide in a window of {self.width}"

    def hold(self, method):
        """Requests of that method are not sent before let_go()."""
        self.run("""const [method] = arguments, real = window.fetch;
            const gate = new Promise((open) => { window.__letGo = open; });
            window.fetch = async (address, options) => {
                const isHeld = options?.method === method;
                if (isHeld) {
                    window.__held = true;
                    await gate;
                }
                const answer = await real(address, options);
                window.__answered ||= isHeld;
                return answer;
            };""", method)

    def let_go(self):
        """Sends what was held, which must have come, and waits for its answer."""
        wait_for("a request", lambda: self.run("return window.__held === true"))
        self.run("window.__letGo()")
        wait_for("its answer", lambda: self.run("return window.__answered === true"), WAIT)

    # What is there
    def nodes(self, role, name=None, within=None):
        """Of the accessibility tree: those of a role whose name is `name` (a text is the whole name, a pattern is
        searched for), in the document's order."""
        if within is None:
            where = {"nodeId": self.cdp("DOM.getDocument", depth=0)["root"]["nodeId"]}
        else:
            self.run("window.__within = arguments[0]", within)
            found = self.cdp("Runtime.evaluate", expression="window.__within")
            where = {"objectId": found["result"]["objectId"]}
        for node in self.cdp("Accessibility.queryAXTree", role=role, **where)["nodes"]:
            text = node.get("name", {}).get("value", "")
            if node.get("ignored") or "backendDOMNodeId" not in node:
                continue
            if name is None or (name.search(text) if isinstance(name, re.Pattern) else name == text):
                yield node

    def element(self, node):
        """The element that a node of the accessibility tree is of."""
        found = self.cdp("DOM.resolveNode", backendNodeId=node["backendDOMNodeId"])["object"]["objectId"]
        self.cdp("Runtime.callFunctionOn", objectId=found, functionDeclaration="function() { window.__found = this; }")
        return self.run("return window.__found")

    def all(self, role, name=None, within=None):
        for _ in range(20):  # what is drawn anew between two questions is asked for again
            try:
                return [self.element(node) for node in self.nodes(role, name, within)]
            except (WebDriverException, StaleElementReferenceException):
                time.sleep(0.05)
        return [self.element(node) for node in self.nodes(role, name, within)]

    def shown(self, role, name=None, within=None):
        """The first that is shown now; None: none is, or it was drawn anew while it was looked at."""
        try:
            return next((one for one in self.all(role, name, within) if one.is_displayed()), None)
        except StaleElementReferenceException:
            return None

    def find(self, role, name=None, within=None, seconds=WAIT):
        """The first of them, waited for."""
        try:
            return wait_for(f"a {role} {name!r}", lambda: self.shown(role, name, within), seconds)
        except AssertionError as error:
            raise AssertionError(f"{error}; there is: {self.outline()}") from None

    def has(self, role, name=None, within=None):
        return any(True for _ in self.nodes(role, name, within))

    def outline(self):
        """What a screen reader has of the page, for messages."""
        tree = self.cdp("Accessibility.getFullAXTree")["nodes"]
        return [f"{node['role']['value']} {node.get('name', {}).get('value', '')!r}" for node in tree
                if not node.get("ignored") and node["role"]["value"] not in
                ("StaticText", "InlineTextBox", "generic", "none", "ListMarker", "LineBreak")][:150]

    def text(self):
        """All that is shown."""
        return self.run("return document.body.innerText")

    def wait_text(self, what, seconds=WAIT):
        """Until a text, or a pattern, is shown."""
        pattern = what if isinstance(what, re.Pattern) else re.compile(re.escape(what))
        try:
            return wait_for(f"'{pattern.pattern}' on the page", lambda: pattern.search(self.text()), seconds)
        except AssertionError as error:
            raise AssertionError(f"{error}; there is:\n{self.text()[:3000]}") from None

    def settle(self, quiet=0.4, seconds=10):
        """Until nothing was fetched for `quiet` seconds and every picture in the window is there."""
        count = ("return [performance.getEntriesByType('resource').length, [...document.images].every((one) =>"
                 " one.complete || one.getBoundingClientRect().top > innerHeight)]")
        end, last, since = time.monotonic() + seconds * PATIENCE, None, time.monotonic()
        while time.monotonic() < end:
            now = self.run(count)
            if now != last or not now[1]:
                last, since = now, time.monotonic()
            elif time.monotonic() - since > quiet:
                return
            time.sleep(0.05)

    # What a person does
    def click(self, role, name=None, within=None, seconds=WAIT):
        """Clicks where it is: as a mouse does, so that what is covered by something else is not clicked."""
        def try_it():
            try:
                self.find(role, name, within, seconds).click()
                return True
            except StaleElementReferenceException:
                return False
        wait_for(f"a click on {role} {name!r}", try_it, seconds)

    def enter(self, role, name, text):
        """Types into a field in place of what it holds."""
        field = self.find(role, name)
        field.send_keys(Keys.CONTROL, "a")
        field.send_keys(str(text))
        return field

    def choose(self, name, option):
        """An option of a <select> by its text, as soon as it is there."""
        def try_it():
            try:
                Select(self.find("combobox", name)).select_by_visible_text(option)
                return True
            except (NoSuchElementException, StaleElementReferenceException):
                return False
        wait_for(f"'{option}' in {name!r}", try_it, WAIT)

    def press(self, *keys):
        ActionChains(self.driver).send_keys(*keys).perform()

    def drop(self, element, paths):
        """Files are dragged from elsewhere onto an element."""
        at = self.run("const box = arguments[0].getBoundingClientRect();"
                      "return [box.left + box.width / 2, Math.min(box.top + box.height / 2, innerHeight - 9)]",
                      element)
        data = {"items": [], "files": [str(path) for path in paths], "dragOperationsMask": 1}
        for kind in ("dragEnter", "dragOver", "drop"):
            self.cdp("Input.dispatchDragEvent", type=kind, x=at[0], y=at[1], data=data)

    def picture(self, name, whole=False):
        """A screenshot, into build/page; `whole`: also what is below the window's edge."""
        PICTURES.mkdir(parents=True, exist_ok=True)
        taken = self.cdp("Page.captureScreenshot", format="png", captureBeyondViewport=whole)
        (PICTURES / f"{name}.png").write_bytes(base64.b64decode(taken["data"]))

    def seen(self):
        """What was measured of this document: layout shifts and long tasks."""
        return self.run("return window.__seen")

    def stop(self):
        self.driver.quit()
