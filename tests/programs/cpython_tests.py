"""CPython's own tests of multiprocessing: `cpython_tests.py SUITE METHOD ...` prints what went wrong in them."""

import multiprocessing
import sys
import unittest

from test import _test_multiprocessing as theirs

if __name__ == "__main__":
    suite, *methods = sys.argv[1:]
    multiprocessing.set_start_method("fork", force=True)
    kind = getattr(theirs, f"Test{suite}", None)
    if kind is None:
        kind = type(suite, (getattr(theirs, f"_Test{suite}"), theirs.ProcessesMixin, unittest.TestCase), {})
    result = unittest.TestResult()
    unittest.TestSuite(map(kind, methods)).run(result)
    for test, text in result.errors + result.failures + result.skipped:
        print(f"{test.id()}: {text}")
    print(f"{result.testsRun} were run")
