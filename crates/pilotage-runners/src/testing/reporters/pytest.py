"""Tells Pilotage what pytest does, one line of JSON for each event, as it happens.

It works with every pytest from 6.2 on and needs nothing besides. What the lines mean stands in `transcript.rs` of pilotage-core.
"""

import json
import os
import signal
import threading
import time

import pytest

MOST_LETTERS = 12_000
MODE = os.environ["PILOTAGE_TEST_MODE"]
LIMIT = float(os.environ.get("PILOTAGE_TEST_TIMEOUT", 0))
_report = open(os.environ["PILOTAGE_TEST_REPORT"], "w", encoding="utf-8", errors="replace")
_tests = {}
_left = {}
_seconds = {}
_begun = {}


def tell(event, **fields):
    fields["event"] = event
    _report.write(json.dumps(fields) + "\n")
    _report.flush()


def file_of(nodeid):
    return nodeid.split("::", 1)[0]


def text_of(report):
    text = getattr(report, "longreprtext", "") or str(report.longrepr or "")
    return text if len(text) <= MOST_LETTERS else text[: MOST_LETTERS // 2] + "\n[…]\n" + text[-MOST_LETTERS // 2 :]


def why_skipped(report):
    if hasattr(report, "wasxfail"):
        return "expected to fail: " + report.wasxfail
    longrepr = report.longrepr
    return str(longrepr[2]) if isinstance(longrepr, tuple) else str(longrepr or "")


@pytest.hookimpl(tryfirst=True)
def pytest_configure(config):
    # A batch is a part of the whole, and says nothing about coverage by itself.
    if hasattr(config.option, "cov_fail_under"):
        config.option.cov_fail_under = 0
    if not hasattr(config, "workerinput"):
        tell("begin", run=os.environ["PILOTAGE_TEST_RUN"])


@pytest.hookimpl(hookwrapper=True)
def pytest_collect_file(parent):
    outcome = yield
    if MODE == "list":
        # The files are what is wanted; none of them is read.
        for found in outcome.get_result():
            for collector in found if isinstance(found, list) else [found]:
                if collector is not None:
                    tell("found", file=file_of(collector.nodeid))
        outcome.force_result([])


@pytest.hookimpl(hookwrapper=True)
def pytest_make_collect_report(collector):
    is_file = isinstance(collector, pytest.File) and not isinstance(collector, getattr(pytest, "Package", ()))
    if not is_file:
        yield
        return
    file = file_of(collector.nodeid)
    tell("file", file=file, tests=None)
    begun = time.perf_counter()
    outcome = yield
    _seconds[file] = _seconds.get(file, 0.0) + time.perf_counter() - begun
    report = outcome.get_result()
    if report.outcome == "failed":
        tell("error", file=file, message=text_of(report))
    elif report.outcome == "skipped":
        tell("test", file=file, id=file, name=file, outcome="skipped", seconds=0.0, message=why_skipped(report))
    if report.outcome != "passed":
        _left[file] = None


def pytest_collectreport(report):
    # A class or the like within a file that cannot be read.
    if report.failed and "::" in report.nodeid:
        tell("error", file=file_of(report.nodeid), message=text_of(report))


def pytest_collection_finish(session):
    ids = {}
    for item in session.items:
        ids.setdefault(file_of(item.nodeid), []).append(item.nodeid)
    for file in list(_seconds):
        if file in _left:
            tell("done", file=file, seconds=_seconds[file])
            continue
        own = ids.get(file, [])
        tell("file", file=file, tests=len(own), ids=own if MODE == "tests" else [])
        _left[file] = len(own)
        if MODE == "run" and not own:
            tell("done", file=file, seconds=_seconds[file])


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_protocol(item):
    file = file_of(item.nodeid)
    begun = time.perf_counter()
    limit(LIMIT)
    yield
    limit(0)
    _seconds[file] = _seconds.get(file, 0.0) + time.perf_counter() - begun
    finish(item.nodeid)
    if _left.get(file):
        _left[file] -= 1
        if _left[file] == 0:
            tell("done", file=file, seconds=_seconds[file])


def limit(seconds):
    # Somebody else's handler is left alone; Pilotage itself ends a runner that goes on for too long.
    usable = LIMIT and hasattr(signal, "SIGALRM") and threading.current_thread() is threading.main_thread()
    if usable and signal.getsignal(signal.SIGALRM) in (signal.SIG_DFL, too_long):
        signal.signal(signal.SIGALRM, too_long)
        signal.setitimer(signal.ITIMER_REAL, seconds)


def too_long(_signal, _frame):
    pytest.fail(f"the test took longer than {LIMIT:g} s")


def pytest_runtest_logstart(nodeid):
    tell("start", file=file_of(nodeid), id=nodeid)
    _begun[nodeid] = time.perf_counter()


def pytest_runtest_logreport(report):
    test = _tests.setdefault(report.nodeid, {"outcome": "passed", "seconds": 0.0, "message": "", "earlier": []})
    test["seconds"] += getattr(report, "duration", 0.0)
    if report.outcome == "rerun":
        test["earlier"].append(text_of(report))
    elif report.failed:
        test["message"] = text_of(report) if not test["message"] else test["message"] + "\n" + text_of(report)
        test["outcome"] = "failed"
    elif report.skipped and test["outcome"] != "failed":
        test["outcome"], test["message"] = "skipped", why_skipped(report)


def finish(nodeid):
    test = _tests.pop(nodeid, None)
    if test is not None:
        file = file_of(nodeid)
        name = nodeid[len(file) + 2 :] or nodeid
        tell("test", file=file, id=nodeid, name=name, **test)


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session, exitstatus):
    if hasattr(session.config, "workerinput"):
        return
    # With xdist the tests run elsewhere, and only their reports come here.
    for nodeid in list(_tests):
        file = file_of(nodeid)
        _left.setdefault(file, None)
        finish(nodeid)
    if int(exitstatus) in (0, 1):
        for file in [file for file, left in _left.items() if left is None and file not in _seconds]:
            tell("done", file=file, seconds=0.0)
    if int(exitstatus) in (0, 1, 5):
        tell("end")
