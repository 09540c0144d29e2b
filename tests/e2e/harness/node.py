"""Other people's libraries, run by node. Installed once by `npm ci`, into tests/e2e/node_modules and, for those of vendors, which are
large, into tests/e2e/vendors/node_modules."""
import json
import pathlib
import shutil
import subprocess

HERE = pathlib.Path(__file__).resolve().parents[1]
_state = {}


def modules(test, folder="."):
    """Installs the locked packages if they are not there; skips the test, aloud, where that cannot be done."""
    if folder not in _state:
        _state[folder] = _install(HERE / folder)
    if _state[folder]:
        test.skipTest(_state[folder])
    return HERE / folder / "node_modules"


def _install(where):
    if not shutil.which("node") or not shutil.which("npm"):
        return "node and npm are not here"
    stamp = where / "node_modules/.package-lock.json"
    lock = where / "package-lock.json"
    if stamp.exists() and stamp.stat().st_mtime >= lock.stat().st_mtime:
        return None
    done = subprocess.run(["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund"], cwd=where, capture_output=True,
                          timeout=600)
    return None if done.returncode == 0 else f"npm ci failed: {done.stderr.decode(errors='replace')[-300:]}"


def run(_, script, value, timeout=60, env=None, folder="js"):
    done = subprocess.run(["node", str(HERE / folder / script)], input=json.dumps(value).encode(), capture_output=True,
                          timeout=timeout, cwd=HERE, env=env)
    if done.returncode != 0:
        raise AssertionError(f"{script}: {done.stderr.decode(errors='replace')}")
    return json.loads(done.stdout)
