"""What the page makes of the API's figures, in node, without a browser."""
import os
import shutil
import subprocess
import tempfile
import unittest

from harness import settings

WEB = settings.ROOT / "src/console/web"


@unittest.skipUnless(shutil.which("node") and shutil.which("esbuild"), "no node or esbuild")
class PageRules(unittest.TestCase):
    def test_hold(self):
        with tempfile.TemporaryDirectory() as bundle:
            subprocess.run(["esbuild", WEB / "model.ts", WEB / "format.ts", "--format=esm", "--log-level=warning",
                            f"--outdir={bundle}"], check=True)
            with open(f"{bundle}/package.json", "w") as package:
                package.write('{"type":"module"}')
            done = subprocess.run(["node", "--test", settings.ROOT / "tests/e2e/js/page.mjs"], capture_output=True, text=True,
                                  timeout=120, env={**os.environ, "PAGE_BUNDLE": bundle})
            self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
            self.assertIn("# pass 8", done.stdout)
