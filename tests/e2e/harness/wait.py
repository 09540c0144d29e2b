"""Waiting for a condition, with a deadline."""
import time

PATIENCE = 60.0  # seconds; a test that waits longer than that has failed


def until(condition, what, within=PATIENCE):
    """Polls until `condition()` is true and returns its value; fails with `what` at the deadline."""
    deadline = time.monotonic() + within
    pause = threading_pause()
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > deadline:
            raise AssertionError(f"after {within:g} s: {what() if callable(what) else what}")
        next(pause)


def threading_pause():
    """Pauses between two polls: short at first, never longer than 50 ms."""
    length = 0.002
    while True:
        time.sleep(length)
        length = min(length * 1.5, 0.05)
        yield
