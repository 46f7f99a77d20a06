# SPDX-License-Identifier: Apache-2.0
"""The parts of muster.export that need no PyTorch: configuration, labels, preprocessing, the folder's place."""

import pytest

import muster
from muster.export import ExportError, Preprocessing, Tensor
from muster.export.model_folder import Configuration, class_labels, made_aside, model_name


def classifier(**changes):
    settings = {
        "name": "flowers",
        "max_batch_size": 64,
        "inputs": [Tensor("image", "TYPE_FP32", (3, 32, 32))],
        "outputs": [Tensor("scores", "TYPE_FP32", (2,))],
        "labels": ["rose", "tulip"],
        "preprocessing": Preprocessing.normalized((0.485, 0.456, 0.406), (0.229, 0.224, 0.225)),
        "activation": "softmax",
    }
    return Configuration(**{**settings, **changes})


def test_torchvisions_means_are_of_values_from_0_to_1():
    found = Preprocessing.normalized((0.485, 0.456, 0.406), (0.229, 0.224, 0.225)).parameters()
    assert found == {
        "image.color": "rgb",
        "image.layout": "nchw",
        "image.scale": "1/255",
        "image.mean": "123.675,116.28,103.53",
        "image.std": "0.229,0.224,0.225",
    }
    assert Preprocessing("gray").parameters() == Preprocessing("grayscale").parameters()
    with pytest.raises(ExportError, match="values from 0 to 1"):
        Preprocessing.normalized((123.675, 116.28, 103.53), (0.229, 0.224, 0.225))


@pytest.mark.parametrize(
    ("preprocessing", "message"),
    [
        (Preprocessing(color="hsv"), "one of gray, rgb, bgr"),
        (Preprocessing(layout="chwn"), "one of nchw, nhwc"),
        (Preprocessing(scale="a third"), "a number or a fraction"),
        (Preprocessing(scale="1/0"), "a number or a fraction"),
        (Preprocessing(scale=0), "every picture the same"),
        (Preprocessing(mean=(1, 2)), "one number is wanted, or 3"),
        (Preprocessing(mean=float("nan")), "one number is wanted, or 3"),
        (Preprocessing(std=(1, 1, 0)), "above 0"),
        (Preprocessing(color="grayscale", std=(1, 1, 1)), "one number is wanted, or 1"),
    ],
)
def test_preprocessing_that_means_nothing(preprocessing, message):
    with pytest.raises(ExportError, match=message):
        preprocessing.parameters()


def test_labels_fit_the_classes():
    classifier().check()
    with pytest.raises(ExportError, match="1 labels for an output of 2 classes"):
        classifier(labels=["rose"]).check()
    with pytest.raises(ExportError, match="a text of one line"):
        classifier(labels=["rose", "tu\nlip"]).check()
    with pytest.raises(ExportError, match="one output"):
        classifier(outputs=[Tensor("a", "TYPE_FP32", (2,)), Tensor("b", "TYPE_FP32", (2,))]).check()


def test_labels_come_from_a_list_or_a_file(tmp_path):
    (tmp_path / "labels.txt").write_text("rose\ntulip\n")
    assert class_labels(tmp_path / "labels.txt") == class_labels(("rose", "tulip")) == ["rose", "tulip"]
    assert class_labels(None) == []


def test_muster_reads_what_is_written(tmp_path, root):
    """By the file alone: the tensors of a model that tests have, described as an export would."""
    import shutil

    folder = tmp_path / "colors"
    (folder / "1").mkdir(parents=True)
    shutil.copy(root / "tests" / "models" / "color_classifier.onnx", folder / "1" / "model.onnx")
    with muster.Model(folder) as model:
        image, scores = model.inputs[0], model.outputs[0]
    configuration = classifier(
        name="colors",
        inputs=[Tensor(image.name, "TYPE_FP32", image.shape[1:])],
        outputs=[Tensor(scores.name, "TYPE_FP32", scores.shape[1:])],
        labels=[f'class "{number}"' for number in range(scores.shape[1])],
    )
    configuration.check()
    (folder / "config.pbtxt").write_text(configuration.text())
    (folder / "labels.txt").write_text("".join(f"{label}\n" for label in configuration.labels))
    with muster.Model(folder) as model:
        assert model.max_batch_size == 64
        assert model.outputs[0].name == scores.name


def test_a_model_has_the_name_of_its_folder(tmp_path):
    assert model_name(tmp_path / "flowers", None) == "flowers"
    for name in (".flowers", "flo wers", "flöwers"):
        with pytest.raises(ExportError, match="as a model's name"):
            model_name(tmp_path / name, None)


class TestMadeAside:
    def test_takes_its_place_when_it_is_whole(self, tmp_path):
        with made_aside(tmp_path / "m", replace=False) as fresh:
            (fresh / "file").write_text("new")
            assert not (tmp_path / "m").exists()
        assert (tmp_path / "m" / "file").read_text() == "new"
        assert list(tmp_path.iterdir()) == [tmp_path / "m"]

    def test_leaves_what_was_there_after_a_failure(self, tmp_path):
        (tmp_path / "m").mkdir()
        (tmp_path / "m" / "file").write_text("old")
        with pytest.raises(RuntimeError), made_aside(tmp_path / "m", replace=True) as fresh:
            (fresh / "file").write_text("half")
            raise RuntimeError
        assert (tmp_path / "m" / "file").read_text() == "old"
        assert list(tmp_path.iterdir()) == [tmp_path / "m"]

    def test_replaces_no_file_and_no_link(self, tmp_path):
        (tmp_path / "m").write_text("a file")
        (tmp_path / "link").symlink_to(tmp_path)
        for name in ("m", "link"):
            with pytest.raises(muster.AlreadyExists), made_aside(tmp_path / name, replace=True):
                pass
