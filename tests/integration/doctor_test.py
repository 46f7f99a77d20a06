# SPDX-License-Identifier: Apache-2.0
"""`muster doctor` on repositories with one trap each, and beside what `muster serve` says of them."""

import json
import os
import pathlib
import shutil
import subprocess

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
MODELS = ROOT / "tests" / "models"
KEYS = "severity check file line field what fix".split()


def examine(muster, folder, *arguments):
    status, out, err = muster("doctor", folder, "--format", "json", *arguments)
    findings = [json.loads(line) for line in out.splitlines()]
    for finding in findings:
        assert list(finding) == KEYS and finding["what"] and finding["fix"], finding
    assert status == (1 if any(finding["severity"] == "error" for finding in findings) else 0), err
    return findings


def of_models(findings):
    return [finding for finding in findings if finding["file"] is not None]


def model(repository, config=None, source="identity_fp32.onnx", file="1/model.onnx"):
    folder = repository / "m"
    (folder / file).parent.mkdir(parents=True)
    if source is not None:
        shutil.copy(MODELS / source, folder / file)
    if config is not None:
        (folder / "config.pbtxt").write_text(config)
    return folder


def test_finds_no_fault_with_the_model_of_the_demo(muster):
    findings = examine(muster, "models")
    assert not [finding for finding in of_models(findings) if finding["severity"] != "note"]
    status, out, _ = muster("doctor", "models/lenet")
    assert status == 0 and "models/lenet: 1 model, 0 errors, 0 warnings" in out


# What is wrong with the configuration of identity_fp32 ([batch,4]) or of another file, by line.
CONFIGURATIONS = [
    ("unknown field", "max_bach_size: 8", 1, "configuration", "write 'max_batch_size'"),
    ("unsupported field", "\nsequence_batching { }", 2, "configuration", "sequence_batching"),
    ("dims with the batch axis", 'max_batch_size: 8\ninput { name: "input" data_type: TYPE_FP32 dims: [ -1, 4 ] }', 2, "configuration", "drop the leading -1"),
    ("no batch axis and dynamic_batching", "max_batch_size: 0\ndynamic_batching { }", 2, "configuration", "remove one of them"),
    ("preferred size above the maximum", "max_batch_size: 8\ndynamic_batching { preferred_batch_size: [ 16 ] }", 2, "configuration", "preferred_batch_size"),
    ("negative batch size", "max_batch_size: -1", 1, "configuration", "it must be 0 to 65536"),
    ("a delay of a day", "dynamic_batching {\n max_queue_delay_microseconds: 86400000001\n}", 2, "configuration", "the unit is microseconds"),
    ("labels that are too few", 'output { name: "output" data_type: TYPE_FP32 dims: 4 label_filename: "three.txt" }', 1, "configuration", "write one label a line"),
    ("labels that are not there", 'output { name: "output" data_type: TYPE_FP32 dims: 4 label_filename: "none.txt" }', 1, "configuration", "label_filename"),
    ("another name", 'name: "n"', 1, "configuration", ""),
    ("a GPU", "instance_group [ { kind: KIND_GPU } ]", 1, "configuration", ""),
    ("wrong type", 'max_batch_size: 8\ninput { name: "input" data_type: TYPE_INT8 dims: 4 }', 2, "configuration", "write data_type: TYPE_FP32"),
    ("broken syntax", "max_batch_size 8", 1, "configuration", ""),
    ("unknown parameter", 'parameters { key: "intra_op_thread_cout" value { string_value: "1" } }', 1, "load", "intra_op_thread_count"),
    ("missing backend", 'backend: "tensorrt"', None, "load", ""),
    ("missing plugin", 'optimization { execution_accelerators { cpu_execution_accelerator: [ { name: "nobody" } ] } }', None, "load", ""),
]


@pytest.mark.parametrize("config, line, check, fix", [case[1:] for case in CONFIGURATIONS], ids=[case[0] for case in CONFIGURATIONS])
def test_finds_what_a_server_refuses(muster, tmp_path, config, line, check, fix):
    folder = model(tmp_path, config)
    (folder / "three.txt").write_text("a\nb\nc\n")
    errors = [finding for finding in examine(muster, tmp_path) if finding["severity"] == "error"]
    finding = next(finding for finding in errors if finding["check"] == check)
    if line is not None:
        assert (finding["file"], finding["line"]) == (str(folder / "config.pbtxt"), line)
        assert finding["field"]
    assert fix in finding["what"] + finding["fix"]
    # The server says so, too.
    status, _, err = muster("inspect", folder)
    assert status == 1 and finding["what"] in err


def test_tells_all_that_is_wrong_with_a_configuration(muster, tmp_path):
    model(tmp_path, "max_batch_size: -1\nresponse_cache { enable: true }\nmetric_tags { }\n")
    findings = [finding for finding in examine(muster, tmp_path) if finding["check"] == "configuration"]
    assert [(finding["severity"], finding["line"]) for finding in findings] == [("error", 1), ("error", 2), ("warning", 3)]


# Legal, and seldom meant.
@pytest.mark.parametrize(
    "config, check, line",
    [
        ("\nmax_batch_size: 0", "batching-off", 2),
        ("max_batch_size: 8", "not-merged", 1),
        ("dynamic_batching {\n max_queue_delay_microseconds: 5000000 }", "delay", 2),
        ("dynamic_batching { preferred_batch_size: [ 1 ] }", "preferred-size", 1),
        ("instance_group [ { count: 256 } ]", "cpu-budget", 1),
        ('parameters { key: "intra_op_thread_count" value { string_value: "1024" } }', "cpu-budget", 1),
        ('parameters { key: "session.intra_op.allow_spinning" value { string_value: "1" } }', "spinning", 1),
        ("max_batch_size: 8\noptimization { graph { level: 2 } }", "graph-level", 2),
        ("version_policy { specific { versions: [ 1, 9 ] } }", "wanted-version", 1),
    ],
)
def test_finds_what_is_seldom_meant(muster, tmp_path, config, check, line):
    folder = model(tmp_path, config)
    finding = next(finding for finding in examine(muster, tmp_path) if finding["check"] == check)
    assert (finding["file"], finding["line"], finding["severity"]) == (str(folder / "config.pbtxt"), line, "warning")
    status, _, _ = muster("inspect", folder)
    assert status == 0


def test_finds_a_batch_size_for_a_model_of_a_fixed_batch(muster, tmp_path):
    folder = model(tmp_path, "max_batch_size: 8", "fixed_batch_4.onnx")
    finding = next(finding for finding in examine(muster, tmp_path) if finding["severity"] == "error")
    assert finding["field"] == "max_batch_size" and finding["line"] == 1
    assert "fixed batch axis of 4" in finding["what"] and "dynamic batch axis" in finding["fix"]
    (folder / "config.pbtxt").unlink()
    finding = next(finding for finding in examine(muster, tmp_path) if finding["check"] == "batching-off")
    assert finding["severity"] == "note"


@pytest.mark.parametrize(
    "source, what",
    [
        ("corrupt.onnx", ""),
        ("empty.onnx", "empty"),
        ("external_missing.onnx", "does not exist"),
        ("external_absolute.onnx", "is absolute"),
        ("unknown_op.onnx", ""),
    ],
)
def test_finds_models_that_do_not_load(muster, tmp_path, source, what):
    folder = model(tmp_path, None, source)
    (finding,) = [finding for finding in examine(muster, tmp_path) if finding["severity"] == "error"]
    assert finding["check"] == "load" and finding["file"] == str(folder / "1" / "model.onnx")
    assert what in finding["what"]


def test_finds_wrong_names_with_the_way_to_put_them_right(muster, tmp_path):
    for name in ("v1/model.onnx", "1/digits.onnx", "digits.onnx"):
        folder = model(tmp_path, None, file=name)
        errors = [finding for finding in examine(muster, tmp_path) if finding["severity"] == "error"]
        assert errors, name
        move = next(finding["fix"] for finding in errors if "mv " in finding["fix"]).split(", or ")[0]
        subprocess.run(move, shell=True, check=True)
        assert (folder / "1" / "model.onnx").exists(), name
        assert not of_models(examine(muster, tmp_path)), name
        shutil.rmtree(folder)


def test_finds_a_configuration_under_another_name(muster, tmp_path):
    folder = model(tmp_path)
    (folder / "config.pbtx").write_text("max_batch_size: 8\ndynamic_batching { }\n")
    (finding,) = of_models(examine(muster, tmp_path))
    assert finding["check"] == "config-name"
    subprocess.run(finding["fix"], shell=True, check=True)
    assert not of_models(examine(muster, tmp_path))


def test_finds_what_is_passed_over(muster, tmp_path):
    folder = model(tmp_path, "max_batch_size: 8\ndynamic_batching { }\n")
    (folder / "labels.txt").write_text("a\nb\nc\nd\n")
    (folder / "1" / "model.xml").write_text("<net/>")
    (folder / "1" / "op.so").write_text("")
    (tmp_path / "my model" / "1").mkdir(parents=True)
    shutil.copy(MODELS / "identity_fp32.onnx", tmp_path / "net.onnx")
    found = sorted((finding["check"], os.path.relpath(finding["file"], tmp_path)) for finding in of_models(examine(muster, tmp_path)))
    assert found == [
        ("code", "m/1/op.so"),
        ("repository", "my model"),
        ("repository", "net.onnx"),
        ("unnamed-labels", "m/config.pbtxt"),
        ("unused-model-file", "m/1/model.xml"),
    ]


def test_finds_links_out_of_the_repository_and_files_that_anyone_may_write(muster, tmp_path):
    repository = tmp_path / "repository"
    folder = model(repository)
    os.chmod(folder / "1" / "model.onnx", 0o666)
    (finding,) = of_models(examine(muster, repository))
    assert finding["check"] == "permissions" and finding["fix"].startswith("chmod o-w ")
    shutil.move(folder / "1" / "model.onnx", tmp_path / "model.onnx")
    (folder / "1" / "model.onnx").symlink_to(tmp_path / "model.onnx")
    errors = [finding for finding in examine(muster, repository) if finding["severity"] == "error"]
    assert len(errors) == 1 and "leads out of its repository" in errors[0]["what"]


def test_looks_at_the_settings_of_the_server(muster, tmp_path):
    model(tmp_path / "repository")
    file = tmp_path / "muster.toml"
    file.write_text("max-connections = 1000000\nshared-memory = true\n")
    findings = examine(muster, tmp_path / "repository", "--config", file)
    (finding,) = [finding for finding in findings if finding["check"] == "open-files"]
    assert finding["file"] == str(file) and "1000000 connections" in finding["what"]
    file.write_text("\nmax-conections = 10\n")
    finding = next(finding for finding in examine(muster, tmp_path / "repository", "--config", file) if finding["check"] == "settings")
    assert (finding["severity"], finding["file"], finding["line"]) == ("error", str(file), 2)
    assert "max-connections" in finding["what"] + finding["fix"]


@pytest.mark.parametrize(
    "arguments, status, expected",
    [
        (["no/such"], 1, "no/such: error: there is no model repository at no/such"),
        (["README.md"], 1, "README.md: error: README.md is no folder"),
        (["models", "--format", "xml"], 2, "--format"),
        ([], 2, "DIR"),
    ],
)
def test_says_what_is_wrong(muster, arguments, status, expected):
    done, out, err = muster("doctor", *arguments)
    assert done == status and expected in out + err
