"""What a peer is made of, by Maven."""
import hashlib
import subprocess


def fetch(node, jars):
    """What node/pom.xml names, in the directory `jars`, each file as node/jars.sha256 has it."""
    if not jars.is_dir():
        done = subprocess.run(["mvn", "-q", "-B", "-f", str(node / "pom.xml"), "dependency:copy-dependencies",
                               f"-DoutputDirectory={jars}"], capture_output=True, text=True)
        if done.returncode != 0:
            raise RuntimeError(f"it cannot be fetched:\n{done.stdout}{done.stderr}")
    wanted = dict(reversed(line.split()) for line in (node / "jars.sha256").read_text().splitlines())
    found = {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in jars.iterdir()}
    if found != wanted:
        odd = sorted(name for name in wanted.keys() | found.keys() if wanted.get(name) != found.get(name))
        raise RuntimeError(f"not what jars.sha256 says: {', '.join(odd)}")
