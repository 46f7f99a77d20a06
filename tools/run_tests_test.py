#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
import pathlib
import tempfile
import unittest

import run_tests

RESULTS = """<?xml version="1.0" encoding="UTF-8"?>
<testsuite name="dev" tests="7" failures="2" disabled="1" skipped="2">
  <testcase name="good" status="run"/>
  <testcase name="wrong" status="fail"><failure message=""/></testcase>
  <testcase name="late" status="fail"><failure message=""/></testcase>
  <testcase name="gone" status="notrun"><skipped message="Unable to find executable"/></testcase>
  <testcase name="code" status="notrun"><skipped message="SKIP_RETURN_CODE=77"/></testcase>
  <testcase name="text" status="notrun"><skipped message="SKIP_REGULAR_EXPRESSION_MATCHED"/></testcase>
  <testcase name="off" status="disabled"/>
</testsuite>
"""


class RunTestsTest(unittest.TestCase):
    def test_counts_what_ctest_wrote(self):
        tally = run_tests.Tally()
        with tempfile.TemporaryDirectory() as folder:
            results = pathlib.Path(folder) / "results.xml"
            results.write_text(RESULTS)
            run_tests.count(results, "dev", tally)
            run_tests.count(results, "release", tally)
        self.assertEqual(tally.line(), "2 passed, 6 failed, 6 skipped")
        self.assertEqual(tally.failed[:3], ["dev: wrong", "dev: late", "dev: gone"])

    def test_skipped_is_named_only_if_there_are_any(self):
        self.assertEqual(run_tests.Tally(passed=3).line(), "3 passed, 0 failed")

    def test_no_passed_test_is_a_failure_but_where_there_is_no_gpu(self):
        skipped = run_tests.Tally(skipped=2)
        self.assertEqual(run_tests.verdict(["release"], True, skipped)[0], 1)
        status, reason = run_tests.verdict(["gpu"], True, skipped)
        self.assertEqual(status, 0)
        self.assertIn("SKIPPED: there is no GPU here", reason)
        self.assertIn("nothing that needs a GPU was built", run_tests.verdict(["gpu"], True, run_tests.Tally())[1])
        self.assertEqual(run_tests.verdict(["gpu"], False, skipped)[0], 1)
        self.assertEqual(run_tests.verdict(["gpu"], True, run_tests.Tally(passed=1, failed=["x"])), (1, ""))
        self.assertEqual(run_tests.verdict(["gpu"], True, run_tests.Tally(passed=1)), (0, ""))


if __name__ == "__main__":
    unittest.main()
