"""A reader of the Prometheus text format, version 0.0.4, strict enough to notice what a scraper would refuse."""
import re

_NAME = re.compile(r"[a-zA-Z_:][a-zA-Z0-9_:]*")
_SAMPLE = re.compile(r"^([a-zA-Z_:][a-zA-Z0-9_:]*)(\{(.*)\})? (\S+)( -?\d+)?$")
_LABEL = re.compile(r'([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\\n]|\\["\\n])*)"(,|$)')


class Samples:
    def __init__(self):
        self.types = {}
        self.values = {}  # (name, ((label, value), …)) -> float

    def get(self, name, **labels):
        return self.values[(name, tuple(sorted(labels.items())))]

    def sum(self, name, **labels):
        """Over all samples of that name that carry these labels."""
        wanted = set(labels.items())
        return sum(value for (other, have), value in self.values.items() if other == name and wanted <= set(have))

    def labels(self, name, label):
        return {dict(have)[label] for (other, have) in self.values if other == name}


def _labels(text):
    labels, at = {}, 0
    while at < len(text):
        match = _LABEL.match(text, at)
        if not match:
            raise AssertionError(f"not labels: {text!r} at {at}")
        if match[1] in labels:
            raise AssertionError(f"label {match[1]} twice in {text!r}")
        labels[match[1]] = match[2].replace('\\"', '"').replace("\\n", "\n").replace("\\\\", "\\")
        at = match.end()
    return tuple(sorted(labels.items()))


def parse(text):
    samples, helped, family, seen_families = Samples(), set(), None, set()
    if not text.endswith("\n"):
        raise AssertionError("the last line has no end")
    for line in text.splitlines():
        if line.startswith("# HELP "):
            name = line.split(" ", 3)[2]
            if name in helped:
                raise AssertionError(f"HELP of {name} twice")
            helped.add(name)
            continue
        if line.startswith("# TYPE "):
            _, _, name, kind = line.split(" ")
            if name in samples.types or kind not in ("counter", "gauge", "histogram", "summary", "untyped"):
                raise AssertionError(f"bad line: {line!r}")
            samples.types[name] = kind
            continue
        if line.startswith("#") or not line:
            continue
        match = _SAMPLE.match(line)
        if not match or not _NAME.fullmatch(match[1]):
            raise AssertionError(f"not a sample: {line!r}")
        name = re.sub(r"_(bucket|sum|count)$", "", match[1])
        name = name if samples.types.get(name) == "histogram" else match[1]
        if name not in samples.types:
            raise AssertionError(f"{match[1]} has no TYPE")
        if name != family:
            if name in seen_families:
                raise AssertionError(f"samples of {name} are not together")
            seen_families.add(name)
            family = name
        key = (match[1], _labels(match[3] or ""))
        if key in samples.values:
            raise AssertionError(f"{key} twice")
        samples.values[key] = float(match[4])
    _check_histograms(samples)
    return samples


def _check_histograms(samples):
    series = {}
    for (name, labels), value in samples.values.items():
        if not name.endswith("_bucket") or samples.types.get(name[:-7]) != "histogram":
            continue
        rest = tuple(label for label in labels if label[0] != "le")
        series.setdefault((name[:-7], rest), []).append((float(dict(labels)["le"]), value))
    for (name, rest), buckets in series.items():
        buckets.sort()
        counts = [count for _, count in buckets]
        if counts != sorted(counts):
            raise AssertionError(f"{name} {rest}: buckets are not cumulative")
        if buckets[-1][0] != float("inf") or counts[-1] != samples.values[(name + "_count", rest)]:
            raise AssertionError(f"{name} {rest}: +Inf is not the count")
