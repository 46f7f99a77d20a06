#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""run_tests.py [--gpu] PRESET...: runs ctest for each preset and closes with one line, 'N passed, N failed'.

--gpu runs the tests that need a GPU, and none else; without it they are left out. Exits with 1 if a test failed or could not
run, if ctest itself failed, or if no test ran at all; but where there is no GPU, or nothing that uses one was built, --gpu
says so and exits with 0.
"""

import dataclasses
import os
import pathlib
import platform
import subprocess
import sys
import xml.etree.ElementTree as ElementTree

ROOT = pathlib.Path(__file__).resolve().parent.parent


@dataclasses.dataclass
class Tally:
    passed: int = 0
    failed: list = dataclasses.field(default_factory=list)
    skipped: int = 0

    def line(self):
        text = f"{self.passed} passed, {len(self.failed)} failed"
        return f"{text}, {self.skipped} skipped" if self.skipped else text


def count(results, preset, tally):
    """Adds one JUnit file of ctest's. A test whose program is missing counts as failed, as in ctest's own summary."""
    for case in ElementTree.parse(results).getroot().iter("testcase"):
        status = case.get("status")
        skipped = case.find("skipped")
        reason = skipped.get("message", "") if skipped is not None else ""
        if status == "run":
            tally.passed += 1
        elif status == "disabled" or reason.startswith("SKIP_"):  # SKIP_RETURN_CODE, SKIP_REGULAR_EXPRESSION_MATCHED
            tally.skipped += 1
        else:
            tally.failed.append(f"{preset}: {case.get('name')}")


def fixed_addresses():
    """A prefix that turns address randomisation off: the sanitizers of older compilers can't cope with much of it."""
    prefix = ["setarch", platform.machine(), "-R"]
    try:
        usable = subprocess.run([*prefix, "true"], stderr=subprocess.DEVNULL, check=False).returncode == 0
    except OSError:
        usable = False
    return prefix if usable else []


def run_preset(preset, jobs, tally, which):
    """Runs one preset; returns whether ctest was content and every test could be counted."""
    results = ROOT / "build" / preset / "test-results.xml"
    results.unlink(missing_ok=True)
    command = ["ctest", "--preset", preset, "--output-on-failure", "--parallel", jobs, "--output-junit", str(results), *which]
    print(f"muster test: {preset}, {jobs} at a time", flush=True)
    content = subprocess.run(fixed_addresses() + command, cwd=ROOT, check=False).returncode == 0
    if not results.exists():
        print(f"muster test: ctest wrote no results for {preset}", file=sys.stderr)
        return False
    failed_before = len(tally.failed)
    count(results, preset, tally)
    if not content and len(tally.failed) == failed_before:
        print(f"muster test: ctest failed for {preset} although no test did", file=sys.stderr)
    return content


def main(arguments):
    gpu = "--gpu" in arguments
    presets = [argument for argument in arguments if argument != "--gpu"]
    if not presets:
        print("usage: tools/run_tests.py [--gpu] PRESET...", file=sys.stderr)
        return 2
    which = ["--label-regex", "^gpu$", "--no-tests=ignore"] if gpu else ["--label-exclude", "^gpu$"]
    jobs = os.environ.get("CTEST_PARALLEL_LEVEL") or subprocess.run(
        [ROOT / "tools" / "jobs"], check=True, capture_output=True, text=True
    ).stdout.strip()
    tally = Tally()
    content = all([run_preset(preset, jobs, tally, which) for preset in presets])
    for name in tally.failed:
        print(f"failed: {name}")
    print(tally.line(), flush=True)
    if gpu and content and tally.passed == 0 and not tally.failed:
        why = "there is no GPU" if tally.skipped else "nothing that uses a GPU was built (no TensorRT headers)"
        print(f"muster test: SKIPPED: {why} here, so nothing is known of what needs one", file=sys.stderr)
        return 0
    if tally.passed == 0:
        print("muster test: no test passed, so nothing is known", file=sys.stderr)
    return 0 if content and not tally.failed and tally.passed else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
