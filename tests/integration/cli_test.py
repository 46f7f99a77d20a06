# SPDX-License-Identifier: Apache-2.0
"""The program as a person uses it, right and wrong."""

import csv
import io
import json
import os
import pathlib
import pty
import re
import shutil
import subprocess

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
DIGITS = ROOT / "examples" / "digits"
PICTURES = ROOT / "tests" / "pictures"
MODELS = ROOT / "tests" / "models"


def lines(text):
    return text.splitlines()


def the_only_line(stderr):
    assert len(lines(stderr)) == 1, stderr
    return lines(stderr)[0]


def test_classifies_the_sample_digits_in_the_order_of_their_names(muster):
    status, out, err = muster("classify", "--format", "csv", "examples/digits")
    assert (status, err) == (0, "")
    rows = list(csv.DictReader(io.StringIO(out)))
    assert list(rows[0]) == ["path", "rank", "label", "probability"]
    assert [row["path"] for row in rows] == sorted(f"examples/digits/{p.name}" for p in DIGITS.glob("*.png"))
    right = sum(pathlib.Path(row["path"]).name[0] == row["label"] for row in rows)
    assert right >= 0.98 * len(rows)
    assert all(0 <= float(row["probability"]) <= 1 for row in rows)


def test_keeps_the_order_given_and_takes_a_picture_twice(muster):
    names = [f"examples/digits/{p.name}" for p in sorted(DIGITS.glob("*.png"))[:7]]
    names = names[::-1] + names[:2]
    status, out, _ = muster("classify", "--format", "csv", "--batch-size", "2", *names)
    assert status == 0
    assert [row["path"] for row in csv.DictReader(io.StringIO(out))] == names


def test_prints_one_json_object_a_line_with_the_same_names(muster):
    status, out, _ = muster("classify", "--format", "json", "--top-k", "3", "examples/digits/*_1*.png")
    assert status == 0
    objects = [json.loads(line) for line in lines(out)]
    assert objects and all(list(entry) == ["path", "rank", "label", "probability"] for entry in objects)
    assert [entry["rank"] for entry in objects[:3]] == [1, 2, 3]
    assert objects[0]["probability"] >= objects[1]["probability"] >= objects[2]["probability"]


def test_all_probabilities_of_a_picture_add_up_to_one(muster):
    status, out, _ = muster("classify", "--format", "csv", "--top-k", "10", "tests/pictures/gray.png")
    assert status == 0
    assert sum(float(row["probability"]) for row in csv.DictReader(io.StringIO(out))) == pytest.approx(1, abs=1e-5)


def test_gives_the_same_answers_whatever_the_batch_size_and_the_threads(muster):
    answers = set()
    for batch_size, threads in ((1, 1), (3, 2), (32, 2), (64, 5)):
        status, out, _ = muster(
            "classify", "--format", "csv", "--batch-size", batch_size, "--threads", threads, "examples/digits"
        )
        assert status == 0
        answers.add(re.sub(r"\.(\d{4})\d*$", r".\1", out, flags=re.MULTILINE))
    assert len(answers) == 1


def test_names_what_it_cannot_read_and_does_the_others(muster):
    status, out, err = muster("classify", "--format", "csv", "tests/pictures/hostile", "examples/digits")
    assert status == 1
    good = {row["path"] for row in csv.DictReader(io.StringIO(out))}
    assert {f"examples/digits/{p.name}" for p in DIGITS.glob("*.png")} <= good
    bad = [line for line in lines(err) if line.startswith("muster: tests/pictures/hostile/")]
    assert len(bad) == len(lines(err)) >= 12, err
    named = {re.match(r"muster: ([^:]+): ", line).group(1) for line in bad}
    hostile = {f"tests/pictures/hostile/{p.name}" for p in (PICTURES / "hostile").iterdir()}
    assert named | (good & hostile) == hostile
    assert len(named) == len(bad)


@pytest.mark.parametrize(
    "arguments, expected",
    [
        (["there_is_none.png"], "muster: there_is_none.png: no such file or folder"),
        (["no/such/*.png"], r"muster: no/such/\*\.png: no file has such a name"),
        (["src"], "muster: src: no .png, .jpg or .jpeg file in this folder"),
        (["README.md"], r"muster: README.md: not a PNG or JPEG picture .*"),
        (["--model", "no/model", "examples/digits"], "muster: there is no model at no/model"),
        (["--model", "src", "examples/digits"], r"muster: there is no model in src .*"),
        (["--model", "tests/models/empty.onnx", "examples/digits"], r"muster: tests/models/empty.onnx: .*empty.*"),
        (["--model", "tests/models/corrupt.onnx", "examples/digits"], r"muster: tests/models/corrupt.onnx: .*"),
        (
            ["--model", "tests/models/external_escape/model.onnx", "examples/digits"],
            r"muster: tests/models/external_escape/model.onnx: .*\.\./outside\.bin.*",
        ),
        (
            ["--model", "tests/models/fixed_batch_4.onnx", "examples/digits"],
            r"muster: tests/models/fixed_batch_4.onnx: input 'input' .*fixed batch axis.*",
        ),
        (["--model", "tests/models/no_batch.onnx", "--batch-size", "1", "examples/digits"], r"muster: .*no pictures.*"),
    ],
)
def test_says_in_one_line_what_is_wrong(muster, arguments, expected):
    status, _, err = muster("classify", "--format", "csv", *arguments)
    assert status == 1
    assert re.fullmatch(expected, the_only_line(err)), err


def test_runs_a_fixed_batch_of_one_when_told_to(muster):
    arguments = ["--model", "tests/models/fixed_batch_1.onnx", "--format", "csv", "tests/pictures/gray.png"]
    status, _, err = muster("classify", *arguments)
    assert status == 1 and "--batch-size 1" in the_only_line(err)
    status, out, err = muster("classify", "--batch-size", "1", *arguments)
    assert (status, err) == (0, "") and len(lines(out)) == 2


def test_says_when_a_model_answers_with_no_number(muster, tmp_path):
    folder = tmp_path / "nan_output"
    (folder / "1").mkdir(parents=True)
    shutil.copy(MODELS / "color_classifier.onnx", folder / "1" / "model.onnx")
    # The largest double that is no float: every pixel becomes infinite, and their mean with it.
    (folder / "config.pbtxt").write_text(
        'parameters { key: "image.scale" value { string_value: "1e39" } }\n'
        'parameters { key: "image.mean" value { string_value: "128" } }\n'
    )
    status, _, err = muster("classify", "--model", folder, "tests/pictures/rgb.png")
    assert status == 1
    assert "tests/pictures/rgb.png" in the_only_line(err) or "image.scale" in the_only_line(err)


@pytest.mark.parametrize(
    "arguments, expected",
    [
        (["classify"], "PATH"),
        (["classify", "--batch-size", "0", "examples/digits"], "--batch-size"),
        (["classify", "--batch-size", "many", "examples/digits"], "--batch-size"),
        (["classify", "--top-k", "0", "examples/digits"], "--top-k"),
        (["classify", "--format", "xml", "examples/digits"], "--format"),
        (["classify", "--no-such-flag", "examples/digits"], "--no-such-flag"),
        (["clasify", "examples/digits"], "did you mean 'classify'?"),
        ([], "subcommand"),
    ],
)
def test_refuses_a_wrong_command_line_with_a_hint(muster, arguments, expected):
    status, out, err = muster(*arguments)
    assert status == 2 and out == ""
    assert expected in err and "--help" in err


@pytest.mark.parametrize("verb", ["advise", "bench", "classify", "doctor", "inspect", "verify"])
def test_help_has_an_example(muster, verb):
    status, out, _ = muster(verb, "--help")
    assert status == 0 and f"Example:\n  muster {verb} " in out


def test_the_examples_of_the_help_run(muster):
    for verb in ("advise", "bench", "classify", "doctor", "inspect", "verify"):
        _, out, _ = muster(verb, "--help")
        example = out.split("Example:\n")[1].split(">")[0].split()
        assert example[0] == "muster"
        status, _, err = muster(*example[1:])
        # A slow build, a sanitizer's or on a busy machine, may say that measuring itself took its time.
        said = [line for line in err.splitlines() if "% of the time went into filling inputs" not in line]
        assert (status, said) == (0, [])


def test_inspects_a_folder_and_a_file(muster):
    status, out, err = muster("inspect", "models/lenet")
    assert (status, err) == (0, "")
    for part in ("lenet", "ONNX Runtime", "batch", "input", "[batch,1,28,28]", "FP32", "max_batch_size: 128", "labels.txt"):
        assert part in out
    status, out, err = muster("inspect", "models/lenet/1/model.onnx")
    assert (status, err) == (0, "")
    assert "there is no config.pbtxt" in out


def test_points_at_the_line_of_a_wrong_field(muster, tmp_path):
    folder = tmp_path / "lenet"
    shutil.copytree(ROOT / "models" / "lenet", folder)
    (folder / "config.pbtxt").write_text('name: "lenet"\nmax_bach_size: 8\n')
    status, _, err = muster("inspect", folder)
    assert status == 1
    line = the_only_line(err)
    assert f"{folder}/config.pbtxt:2: " in line and "max_batch_size" in line


def test_a_name_from_outside_cannot_steer_the_terminal(muster, tmp_path):
    evil = tmp_path / "\x1b[31mred\n.png"
    shutil.copy(PICTURES / "gray.png", evil)
    bad = tmp_path / "\x1b[2Jgone\r.png"
    bad.write_text("no picture")
    status, out, err = muster("classify", tmp_path)
    assert status == 1
    assert "\x1b" not in out + err and "\r" not in out + err
    status, out, _ = muster("classify", "--format", "json", evil)
    assert status == 0 and json.loads(out)["path"] == str(evil)
    status, out, _ = muster("classify", "--format", "csv", evil)
    assert status == 0 and list(csv.DictReader(io.StringIO(out, newline="")))[0]["path"] == str(evil)


def test_memory_stays_bounded_for_many_files(request, tmp_path):
    digit = next(DIGITS.glob("*.png"))
    for i in range(3000):
        try:
            os.link(digit, tmp_path / f"{i}.png")
        except OSError:  # another file system, or another mount of the same
            shutil.copy(digit, tmp_path / f"{i}.png")
    program = os.path.abspath(request.config.getoption("--program"))

    def peak(paths):
        pid = os.posix_spawn(
            program,
            [program, "classify", "--model", str(ROOT / "models/lenet"), *map(str, paths)],
            dict(os.environ, ASAN_OPTIONS="quarantine_size_mb=1:detect_leaks=0"),
            file_actions=[(os.POSIX_SPAWN_OPEN, 1, os.devnull, os.O_WRONLY, 0)],
        )
        _, status, usage = os.wait4(pid, 0)
        assert status == 0
        return usage.ru_maxrss

    few = peak([digit] * 64)
    many = peak([tmp_path])
    assert many < few + 16 * 1024, f"{few} KiB for 64 files, {many} KiB for 3,000"


def test_a_progress_bar_appears_on_a_terminal_alone(request, tmp_path):
    for i in range(40):
        shutil.copy(PICTURES / "large_4000x3000.png", tmp_path / f"{i:02}.png")
    program = os.path.abspath(request.config.getoption("--program"))
    leader, terminal = pty.openpty()
    process = subprocess.Popen(
        # With one thread it takes seconds on any machine; the bar comes after one.
        [program, "classify", "--model", str(ROOT / "models/lenet"), "--format", "csv", "--threads", "1", str(tmp_path)],
        stdout=subprocess.PIPE,
        stderr=terminal,
    )
    os.close(terminal)
    out, _ = process.communicate(timeout=300)
    seen = b""
    try:
        while chunk := os.read(leader, 65536):
            seen += chunk
    except OSError:
        pass  # the terminal's other end is closed
    os.close(leader)
    assert process.returncode == 0
    assert b"/40" in seen and seen.rstrip().endswith(b"\x1b[K")
    assert b"/40" not in out and len(out.splitlines()) == 41


def test_a_full_disk_is_an_error(request):
    if not os.path.exists("/dev/full"):
        pytest.fail("/dev/full is missing: a Linux system has it")
    program = os.path.abspath(request.config.getoption("--program"))
    with open("/dev/full", "wb") as full:
        done = subprocess.run([program, "classify", "examples/digits"], cwd=ROOT, stdout=full, stderr=subprocess.PIPE, check=False)
    assert done.returncode == 1 and b"could not be written" in done.stderr
