"""Other people's libraries, run by node. Installed once into tests/e2e/node_modules by `npm ci`."""
import json
import pathlib
import shutil
import subprocess

HERE = pathlib.Path(__file__).resolve().parents[1]
_state = {}


def modules(test):
    """Installs the locked packages if they are not there; skips the test, aloud, where that cannot be done."""
    if "reason" not in _state:
        _state["reason"] = _install()
    if _state["reason"]:
        test.skipTest(_state["reason"])
    return HERE / "node_modules"


def _install():
    if not shutil.which("node") or not shutil.which("npm"):
        return "node and npm are not here"
    stamp = HERE / "node_modules/.package-lock.json"
    lock = HERE / "package-lock.json"
    if stamp.exists() and stamp.stat().st_mtime >= lock.stat().st_mtime:
        return None
    done = subprocess.run(["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund"], cwd=HERE, capture_output=True,
                          timeout=300)
    return None if done.returncode == 0 else f"npm ci failed: {done.stderr.decode(errors='replace')[-300:]}"


def run(_, script, value, timeout=60, env=None):
    done = subprocess.run(["node", str(HERE / "js" / script)], input=json.dumps(value).encode(), capture_output=True,
                          timeout=timeout, cwd=HERE, env=env)
    if done.returncode != 0:
        raise AssertionError(f"{script}: {done.stderr.decode(errors='replace')}")
    return json.loads(done.stdout)
