#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""run_tests.py PRESET...: runs ctest for each preset and closes with one line, 'N passed, N failed'.

Exits with 1 if a test failed or could not run, if ctest itself failed, or if no test ran at all. The preset gpu alone may run
none: where there is no GPU, or nothing that needs one was built, it says so and exits with 0.
"""

import dataclasses
import os
import pathlib
import platform
import subprocess
import sys
import xml.etree.ElementTree as ElementTree

ROOT = pathlib.Path(__file__).resolve().parent.parent
GPU = "gpu"
BUILD_FOLDERS = {GPU: "release"}  # of presets that have none of their own name


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
        elif status == "disabled" or reason.startswith("SKIP_"):
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


def run_preset(preset, jobs, tally):
    """Runs one preset; returns whether ctest was content and every test could be counted."""
    results = ROOT / "build" / BUILD_FOLDERS.get(preset, preset) / "test-results.xml"
    results.unlink(missing_ok=True)
    command = ["ctest", "--preset", preset, "--output-on-failure", "--parallel", jobs, "--output-junit", str(results)]
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


def verdict(presets, content, tally):
    """The exit status, and why where no test passed."""
    if presets == [GPU] and content and not tally.passed and not tally.failed:
        why = "there is no GPU" if tally.skipped else "nothing that needs a GPU was built (no TensorRT headers)"
        return 0, f"SKIPPED: {why} here, so nothing is known of what needs one"
    if tally.passed == 0:
        return 1, "no test passed, so nothing is known"
    return 0 if content and not tally.failed else 1, ""


def main(presets):
    if not presets:
        print("usage: tools/run_tests.py PRESET...", file=sys.stderr)
        return 2
    jobs = os.environ.get("CTEST_PARALLEL_LEVEL") or subprocess.run(
        [ROOT / "tools" / "jobs"], check=True, capture_output=True, text=True
    ).stdout.strip()
    tally = Tally()
    content = all([run_preset(preset, jobs, tally) for preset in presets])
    for name in tally.failed:
        print(f"failed: {name}")
    print(tally.line(), flush=True)
    status, reason = verdict(presets, content, tally)
    if reason:
        print(f"muster test: {reason}", file=sys.stderr)
    return status


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
