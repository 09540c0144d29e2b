"""A real browser: Debian's Chromium by its own driver, spoken to in W3C WebDriver (https://www.w3.org/TR/webdriver2/)."""
import base64
import json
import pathlib
import shutil
import subprocess
import tempfile
import urllib.error
import urllib.request

from harness.process import free_address
from harness.wait import until

ARGUMENTS = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
             "--disable-component-update", "--disable-sync", "--disable-default-apps", "--disable-dev-shm-usage",
             "--force-color-profile=srgb", "--hide-scrollbars"]
# Only the loopback is there for it, whatever a component of its own may want.
ARGUMENTS.append("--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1")


def available():
    return shutil.which("chromium") is not None and shutil.which("chromedriver") is not None


class Browser:
    """One window. close() ends it and its driver, by the process that was started here."""

    def __init__(self, width=1280, height=900):
        self.profile = tempfile.mkdtemp(prefix="trunkline-browser-")
        address = free_address()
        self.base = f"http://{address}"
        self.driver = subprocess.Popen(["chromedriver", f"--port={address.rsplit(':', 1)[1]}"], stdin=subprocess.DEVNULL,
                                       stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        self.session = None
        try:
            until(self._reachable, "chromedriver does not listen", 30)
            options = {"binary": shutil.which("chromium"),
                       "args": [*ARGUMENTS, f"--user-data-dir={self.profile}", f"--window-size={width},{height}"]}
            made = self._ask("POST", "/session", {"capabilities": {"alwaysMatch": {
                "goog:chromeOptions": options, "goog:loggingPrefs": {"browser": "ALL"}}}})
            self.session = f"/session/{made['sessionId']}"
            self.size(width, height)
        except BaseException:
            self.close()
            raise

    def _reachable(self):
        try:
            return self._ask("GET", "/status")["ready"]
        except OSError:
            return False

    def _ask(self, method, path, body=None):
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self.base + path, data, {"Content-Type": "application/json"}, method=method)
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        try:
            with opener.open(request, timeout=60) as answer:
                return json.load(answer)["value"]
        except urllib.error.HTTPError as error:
            raise AssertionError(f"webdriver {method} {path}: {error.read()[:2000]!r}") from None

    def devtools(self, command, **parameters):
        return self._ask("POST", f"{self.session}/goog/cdp/execute", {"cmd": command, "params": parameters})

    def size(self, width, height, dark=False):
        """The page's own size, as on a screen of that width; and the colours that the reader prefers."""
        self.devtools("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=width < 600)
        self.devtools("Emulation.setEmulatedMedia",
                      features=[{"name": "prefers-color-scheme", "value": "dark" if dark else "light"}])

    def open(self, url):
        self._ask("POST", f"{self.session}/url", {"url": url})

    def run(self, script, *arguments):
        """The value of a script's `return`."""
        return self._ask("POST", f"{self.session}/execute/sync", {"script": script, "args": list(arguments)})

    def _element(self, selector):
        found = self._ask("POST", f"{self.session}/element", {"using": "css selector", "value": selector})
        return next(iter(found.values()))

    def click(self, selector):
        """As a person does: fails where something lies over it."""
        self._ask("POST", f"{self.session}/element/{self._element(selector)}/click", {})

    def type(self, selector, text):
        self._ask("POST", f"{self.session}/element/{self._element(selector)}/value", {"text": text})

    def keys(self, *keys):
        actions = [{"type": kind, "value": key} for key in keys for kind in ("keyDown", "keyUp")]
        self._ask("POST", f"{self.session}/actions", {"actions": [{"type": "key", "id": "keyboard", "actions": actions}]})

    def text(self, selector):
        """What is seen; nothing of what is hidden."""
        return self.run("const e = document.querySelector(arguments[0]); return e ? e.innerText.trim() : null", selector)

    def number(self, selector):
        text = self.text(selector)
        return None if text in (None, "", "–") else int(text.replace(",", ""))

    def log(self):
        """What the page wrote to the browser's console, failed loads and refused scripts among it."""
        return [entry["message"] for entry in self._ask("POST", f"{self.session}/se/log", {"type": "browser"})]

    def screenshot(self, path, whole=True):
        pathlib.Path(path).parent.mkdir(parents=True, exist_ok=True)
        if whole:
            picture = self.devtools("Page.captureScreenshot", captureBeyondViewport=True, format="png")["data"]
        else:
            picture = self._ask("GET", f"{self.session}/screenshot")
        pathlib.Path(path).write_bytes(base64.b64decode(picture))

    def close(self):
        if self.session:
            try:
                self._ask("DELETE", self.session)
            except (AssertionError, OSError):
                pass
        self.driver.terminate()
        self.driver.wait(30)
        shutil.rmtree(self.profile, ignore_errors=True)
