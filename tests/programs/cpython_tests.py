"""CPython's own tests of multiprocessing: `cpython_tests.py START_METHOD SUITE TEST ...` prints what went wrong."""

import multiprocessing
import sys
import unittest

from test import _test_multiprocessing as theirs

start_method, suite, *names = sys.argv[1:]
kind = getattr(theirs, f"Test{suite}", None)
if kind is None:
    # A process that is not forked finds the class at the top of this file.
    own = (getattr(theirs, f"_Test{suite}"), theirs.ProcessesMixin, unittest.TestCase)
    kind = globals()[suite] = type(suite, own, {"__module__": "__main__"})

if __name__ == "__main__":
    multiprocessing.set_start_method(start_method, force=True)
    result = unittest.TestResult()
    unittest.TestSuite(map(kind, names)).run(result)
    for test, text in result.errors + result.failures + result.skipped:
        print(f"{test.id()}: {text}")
    print(f"{result.testsRun} were run")
