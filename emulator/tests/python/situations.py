"""How the situations of a program are run."""

import sys
import traceback


def raises(kind, call, *arguments, **more):
    """The error that a call must end in."""
    try:
        call(*arguments, **more)
    except kind as error:
        return error
    raise AssertionError(f"{call} raised nothing")


def run(*situations):
    """Runs all, tells of each, and ends the program with the number of those that failed."""
    failed = 0
    for situation in situations:
        try:
            situation()
            print("ok", situation.__name__, flush=True)
        except Exception:  # noqa: BLE001: one that fails must not hide the others
            failed += 1
            print("FAILED", situation.__name__, flush=True)
            traceback.print_exc(limit=-6, file=sys.stdout)
    sys.exit(failed)
