"""Makes durations for `bench balance` of a history of `pilotage test run`.

    record.py HISTORY FOLDER [SUITE...]

writes FOLDER/SUITE.tsv for each suite: first `start` with the seconds that starting its runner costs, and `apart` for those that are
named, of which a part of a file is a process of its own (Vitest, Jest); then for each file its seconds and the milliseconds of each of
its tests, in the order of their names. The last run counts.
"""

import json
import pathlib
import sys


def lines(suite, apart):
    yield f"start\t{suite['start']['runs'][-1]:.3f}" + ("\tapart" if apart else "")
    for name, file in sorted(suite["files"].items()):
        # What failed or is skipped whole has no duration that counts.
        if file["spent"]["runs"]:
            seconds = [test["seconds"] for _, test in sorted(file["tests"].items())]
            # Tests of which nobody tells how long they took are of a file that is not run in parts.
            tests = " ".join(f"{each * 1000:.1f}" for each in seconds) if any(seconds) else ""
            yield f"{name}\t{file['spent']['runs'][-1]:.3f}\t{tests}"


history, folder = json.loads(pathlib.Path(sys.argv[1]).read_text()), pathlib.Path(sys.argv[2])
for suites in history["classes"].values():
    # A suite with files that did not load has no start that counts.
    for name, suite in [(name, suite) for name, suite in suites.items() if suite["start"]["runs"]]:
        (folder / f"{name.replace('/', '-')}.tsv").write_text("\n".join(lines(suite, name in sys.argv[3:])) + "\n")
