"""What a peer is made of, by pip."""
import os
import pathlib
import subprocess
import sys


def install(venv, requirements):
    """A virtual environment with what the file names, each version by its hash; one that is whole is left as it is."""
    whole = venv / "installed"
    if whole.exists():
        return
    for command_line in ([sys.executable, "-m", "venv", venv],
                         [venv / "bin/pip", "install", "-q", "--require-hashes", "-r", requirements]):
        done = subprocess.run(list(map(str, command_line)), capture_output=True, text=True)
        if done.returncode != 0:
            raise RuntimeError(f"it cannot be installed:\n{done.stdout}{done.stderr}")
    whole.touch()


def run_in(venv, requirements):
    """The program that calls this goes on in that environment."""
    install(venv, requirements)
    if pathlib.Path(sys.prefix) != venv:
        os.execv(venv / "bin/python", [str(venv / "bin/python"), *sys.argv])
