"""Certificates for tests, made by the openssl command."""
import pathlib
import subprocess


def run(*arguments, stdin=None):
    done = subprocess.run(["openssl", *map(str, arguments)], input=stdin, capture_output=True, timeout=60)
    if done.returncode != 0:
        raise AssertionError(f"openssl {' '.join(map(str, arguments))}: {done.stderr.decode(errors='replace')}")
    return done.stdout


class Authority:
    """A CA in a directory: `ca.pem`, and what it issues."""

    def __init__(self, directory, name="ca"):
        self.directory = pathlib.Path(directory)
        self.certificate = self.directory / f"{name}.pem"
        self.key = self.directory / f"{name}.key"
        run("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "365",
            "-subj", f"/CN={name}", "-keyout", self.key, "-out", self.certificate)

    def issue(self, file, subject="/CN=localhost", names="DNS:localhost,IP:127.0.0.1", days=90):
        """Writes FILE.pem and FILE.key; returns both paths. `days` of -1: expired."""
        certificate, key = self.directory / f"{file}.pem", self.directory / f"{file}.key"
        request, extensions = self.directory / f"{file}.csr", self.directory / f"{file}.ext"
        run("req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-subj", subject, "-keyout", key,
            "-out", request)
        extensions.write_text(f"subjectAltName={names}\n")
        sign = ["x509", "-req", "-in", request, "-CA", self.certificate, "-CAkey", self.key, "-CAcreateserial",
                "-extfile", extensions, "-out", certificate, "-days", days]
        run(*sign)
        return certificate, key
