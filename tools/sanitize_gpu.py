#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""sanitize_gpu.py [--jobs N] [--seconds N] [PROGRAM...]: tests that need a GPU, under CUDA's compute-sanitizer (memcheck, leaks).

Those of the TensorRT backend: muster_gpu_test and muster_gpu_conformance_test, each group in a process of its own, so that one
which is slow here holds up no other. What the tests provoke on purpose (memory that is not there, handles that are none) is no
finding: errors that CUDA returns are not reported, only what kernels, copies and frees do wrong and what is left behind when the
context goes. Engines that MUSTER_GPU_ENGINES holds are not built again.

Left out: Leaks, which looks at all of the GPU's memory, and so at the others' too; and the test that loads while a graph is
recorded, as the tool waits for the whole GPU now and then, which breaks every recording.
"""

import argparse
import concurrent.futures
import os
import pathlib
import re
import shutil
import signal
import subprocess
import sys
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
FOLDER = ROOT / "build" / "release" / "tests" / "gpu"
PROGRAMS = [FOLDER / "muster_gpu_test", FOLDER / "muster_gpu_conformance_test"]
TOOL = ["compute-sanitizer", "--tool", "memcheck", "--leak-check", "full", "--report-api-errors", "no",
        "--target-processes", "application-only", "--error-exitcode", "99"]  # fmt: skip
LEFT_OUT = "Leaks.*:Graphs.are_loaded_while_somebody_else_records_some:*carries_every_type_unchanged"
SKIPPED = 77


def groups(program):
    """The names of the program's groups of tests."""
    listed = subprocess.run([program, "--gtest_list_tests"], capture_output=True, text=True, check=True).stdout
    return [line.split("#")[0].strip() for line in listed.splitlines() if re.match(r"\S+\.(\s|$)", line)]


def check(program, group, seconds):
    """One group; its line for people, whether it is good, and what was printed."""
    began = time.monotonic()
    command = [*TOOL, program, f"--gtest_filter={group}*-{LEFT_OUT}"]
    with subprocess.Popen(command, env={**os.environ, "MUSTER_GPU_RESET": "1"}, text=True, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, start_new_session=True) as run:  # fmt: skip
        try:
            said, _ = run.communicate(timeout=seconds)
            status = run.returncode
        except subprocess.TimeoutExpired:
            os.killpg(run.pid, signal.SIGKILL)  # the test as well, which is the tool's child
            said, status = run.communicate()[0], None
    summary = re.findall(r"(ERROR SUMMARY: .*|LEAK SUMMARY: .*)", said)
    what = "not done in time" if status is None else "; ".join(summary) or "no summary"
    good = status == 0 and "ERROR SUMMARY: 0 errors" in what and "LEAK SUMMARY: 0 bytes" in what
    line = f"{group.rstrip('.')}: {what}, status {status}, {time.monotonic() - began:.0f} s"
    return line, good, said


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--jobs", type=int, default=max(1, (os.cpu_count() or 2) // 2))
    parser.add_argument("--seconds", type=float, default=1800, help="for each group")
    parser.add_argument("programs", nargs="*", type=pathlib.Path, metavar="PROGRAM")
    wanted = parser.parse_args()
    programs = wanted.programs or PROGRAMS
    for program in programs:
        if not program.exists():
            print("SKIPPED: nothing that needs a GPU was built (no TensorRT headers) here")
            return
        tried = subprocess.run([program, "--gtest_filter=none"], capture_output=True, text=True, check=False)
        if tried.returncode == SKIPPED:
            print(tried.stderr.strip())
            return
    if shutil.which(TOOL[0]) is None:
        sys.exit("muster test: there is no compute-sanitizer here; it comes with CUDA's toolkit")
    with concurrent.futures.ThreadPoolExecutor(wanted.jobs) as pool:
        asked = [pool.submit(check, program, group, wanted.seconds)
                 for program in programs for group in groups(program) if group != "Leaks."]  # fmt: skip
        bad = 0
        for one in concurrent.futures.as_completed(asked):
            line, good, said = one.result()
            print(line, flush=True)
            if not good:
                bad += 1
                print(said[-6000:], flush=True)
    print(f"{len(asked) - bad} groups are clean, {bad} are not")
    sys.exit(1 if bad else 0)


if __name__ == "__main__":
    main()
