# SPDX-License-Identifier: Apache-2.0
"""muster.export against PyTorch: what it writes, and what it refuses with which line. Skipped where PyTorch is not."""

import importlib.util
import pathlib
import sys

import numpy as np
import pytest

MISSING = [name for name in ("torch", "onnx", "onnxscript") if importlib.util.find_spec(name) is None]
if MISSING:
    pytest.skip(f"muster.export is not tested: no {', '.join(MISSING)} here", allow_module_level=True)

import torch  # noqa: E402
from torch import nn  # noqa: E402
from torch.nn import functional  # noqa: E402

import muster  # noqa: E402
from muster.export import ExportError, FixedBatchError, Preprocessing, export  # noqa: E402

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "examples" / "python"))

from lenet import LeNet  # noqa: E402

torch.set_num_threads(1)  # they wait for each other by spinning, which is slow beside other tests
DIGITS = [str(digit) for digit in range(10)]


@pytest.fixture(autouse=True)
def seeded():
    torch.manual_seed(3)


@pytest.fixture
def pictures():
    return torch.rand(2, 1, 28, 28)


def line_of(error):
    """The code of the line that the error names, which must be one of this file."""
    assert error.value.place is not None, str(error.value)
    assert error.value.place.file == __file__
    return error.value.place.code


def left_behind(folder):
    return [path for path in folder.iterdir() if "tmp" not in path.name]


class TestWhatIsWritten:
    def test_a_folder_that_is_served_as_it_is(self, tmp_path, pictures):
        module = LeNet().eval()
        report = export(
            module,
            pictures,
            tmp_path / "lenet",
            labels=DIGITS,
            preprocessing=Preprocessing(color="gray"),
            activation="softmax",
        )
        with muster.Model(report.folder) as model:
            assert [(one.name, one.shape) for one in model.inputs] == [("input", (-1, 1, 28, 28))]
            assert [(one.name, one.shape) for one in model.outputs] == [("output", (-1, 10))]
            assert model.max_batch_size == 64
            rows = torch.rand(5, 1, 28, 28)
            actual = model.run(rows.numpy())["output"]
            assert np.allclose(actual, module(rows).detach().numpy(), atol=1e-5)
        assert (tmp_path / "lenet" / "labels.txt").read_text().split() == DIGITS
        assert [check.rows for check in report.checks] == [1, 2, 3, 8]
        assert report.error < 1e-5
        assert report.opset == 18
        assert "input FP32 [n,1,28,28]" in str(report)
        assert left_behind(tmp_path) == [tmp_path / "lenet"]
        for trace in (b"lenet.py", b"stack_trace"):  # nothing of this machine
            assert trace not in report.file.read_bytes()

    def test_pictures_are_classified_with_the_preprocessing_that_was_said(self, tmp_path, pictures, digits):
        export(LeNet(), pictures, tmp_path / "lenet", labels=DIGITS, preprocessing=Preprocessing(color="gray"))
        with muster.Model(tmp_path / "lenet") as model:
            found = model.classify([digits[0]], top_k=10)[0]
        assert sorted(score.label for score in found) == DIGITS
        assert sum(score.probability for score in found) == pytest.approx(1, abs=1e-4)

    def test_an_example_of_one_row_leaves_the_batch_open(self, tmp_path):
        report = export(LeNet(), torch.rand(1, 1, 28, 28), tmp_path / "lenet")
        assert report.error < 1e-5

    def test_the_module_is_afterwards_as_it_was(self, tmp_path, pictures):
        module = LeNet().train()
        module.features.eval()
        before = [layer.training for layer in module.modules()]
        export(module, pictures, tmp_path / "lenet")
        assert [layer.training for layer in module.modules()] == before
        assert torch.is_grad_enabled()

    def test_several_inputs_and_outputs_by_name(self, tmp_path):
        class Two(nn.Module):
            def forward(self, left, right):
                return {"sum": left + right, "scaled": left * 2}

        example = {"right": torch.rand(3, 4), "left": torch.rand(3, 4)}
        report = export(Two(), example, tmp_path / "two")
        assert [one.name for one in report.inputs] == ["left", "right"]
        assert [one.name for one in report.outputs] == ["sum", "scaled"]
        left, right = np.full((2, 4), 1, np.float32), np.full((2, 4), 10, np.float32)
        with muster.Model(report.folder) as model:
            found = model.run({"left": left, "right": right})
        assert (found["sum"] == 11).all() and (found["scaled"] == 2).all()

    def test_names_and_opset_are_what_is_said(self, tmp_path, pictures):
        report = export(
            LeNet(), pictures, tmp_path / "m", input_names=["images"], output_names=["scores"], opset=20
        )
        assert report.opset == 20
        with muster.Model(report.folder) as model:
            assert model.inputs[0].name == "images" and model.outputs[0].name == "scores"

    def test_axes_in_which_examples_differ_are_open(self, tmp_path):
        class Mean(nn.Module):
            def forward(self, tokens):
                return tokens.mean(dim=1)

        report = export(Mean(), torch.rand(2, 5, 4), tmp_path / "mean", more_examples=[torch.rand(2, 9, 4)])
        assert report.inputs[0].dims == (-1, 4)
        with muster.Model(report.folder) as model:
            assert model.run(np.ones((3, 17, 4), np.float32))["output"].shape == (3, 4)

    def test_inputs_of_a_variable_number_and_by_keyword_alone(self, tmp_path):
        class Sum(nn.Module):
            def forward(self, *parts):
                return sum(parts)

        class Keyword(nn.Module):
            def forward(self, left, *, right):
                return left - right

        report = export(Sum(), [torch.rand(2, 3), torch.rand(2, 3)], tmp_path / "sum")
        assert [one.name for one in report.inputs] == ["parts_0", "parts_1"]
        report = export(Keyword(), {"left": torch.rand(2, 3), "right": torch.rand(2, 3)}, tmp_path / "keyword")
        with muster.Model(report.folder) as model:
            found = model.run({"left": np.full((1, 3), 5, np.float32), "right": np.ones((1, 3), np.float32)})
        assert (found["output"] == 4).all()

    def test_a_module_that_writes_into_its_input(self, tmp_path):
        class Writing(nn.Module):
            def forward(self, input):
                input.mul_(2)
                return input + 1

        example = torch.ones(2, 3)
        report = export(Writing(), example, tmp_path / "writing")
        assert (example == 1).all()
        with muster.Model(report.folder) as model:
            assert (model.run(np.ones((4, 3), np.float32))["output"] == 3).all()

    def test_large_weights_lie_beside_the_model(self, tmp_path, pictures, monkeypatch):
        monkeypatch.setattr("muster.export.onnx_file._MOST_INSIDE", 0)
        report = export(LeNet(), pictures, tmp_path / "lenet")
        weights = report.file.with_name("model.onnx.data")
        assert weights.exists() and report.bytes == report.file.stat().st_size + weights.stat().st_size

    def test_integers_and_half_precision(self, tmp_path):
        class Lookup(nn.Module):
            def __init__(self):
                super().__init__()
                self.table = nn.Embedding(11, 6)

            def forward(self, ids):
                return self.table(ids).half(), ids + 1

        report = export(Lookup(), torch.tensor([[1, 2, 3], [4, 5, 6]]), tmp_path / "lookup")
        assert report.inputs[0].data_type == "TYPE_INT64"
        assert [one.data_type for one in report.outputs] == ["TYPE_FP16", "TYPE_INT64"]
        assert [one.name for one in report.outputs] == ["output_0", "output_1"]

    def test_files_are_simplified_unless_told(self, tmp_path, pictures):
        plain = export(LeNet(), pictures, tmp_path / "plain", simplify=False)
        assert plain.nodes == plain.nodes_before
        simple = export(LeNet(), pictures, tmp_path / "simple")
        assert simple.nodes < simple.nodes_before == plain.nodes

    def test_replaces_a_folder_only_when_told(self, tmp_path, pictures):
        export(LeNet(), pictures, tmp_path / "lenet")
        (tmp_path / "lenet" / "mine.txt").write_text("mine")
        with pytest.raises(muster.AlreadyExists):
            export(LeNet(), pictures, tmp_path / "lenet")
        assert (tmp_path / "lenet" / "mine.txt").exists()
        export(LeNet(), pictures, tmp_path / "lenet", replace=True)
        assert not (tmp_path / "lenet" / "mine.txt").exists()
        assert left_behind(tmp_path) == [tmp_path / "lenet"]


class TestFixedBatches:
    def refuse(self, module, tmp_path, example=None):
        with pytest.raises(FixedBatchError) as error:
            export(module, torch.rand(2, 1, 28, 28) if example is None else example, tmp_path / "fixed")
        assert left_behind(tmp_path) == []
        return error

    def test_a_view_with_the_batch_written_out(self, tmp_path):
        class Fixed(nn.Module):
            def __init__(self):
                super().__init__()
                self.scores = nn.Linear(784, 10)

            def forward(self, input):
                x = input.view(2, -1)
                return self.scores(x)

        assert line_of(self.refuse(Fixed(), tmp_path)) == "x = input.view(2, -1)"

    def test_a_view_that_takes_the_batch_for_more_values(self, tmp_path):
        class Fixed(nn.Module):
            def forward(self, input):
                x = input.view(1, -1)
                return x * 2

        assert line_of(self.refuse(Fixed(), tmp_path)) == "x = input.view(1, -1)"

    def test_a_constant_with_as_many_rows_as_the_example(self, tmp_path):
        class Fixed(nn.Module):
            def __init__(self):
                super().__init__()
                self.register_buffer("offset", torch.rand(2, 784))

            def forward(self, input):
                x = input.flatten(1)
                return x + self.offset

        assert line_of(self.refuse(Fixed(), tmp_path)) == "return x + self.offset"

    def test_a_layer_of_pytorchs_own_is_named(self, tmp_path):
        module = nn.Sequential(nn.Flatten(0), nn.Linear(1568, 10))
        error = self.refuse(module, tmp_path)
        assert error.value.layer == "0"
        assert error.value.place is None

    def test_rows_that_know_of_each_other(self, tmp_path):
        class Mixing(nn.Module):
            def forward(self, input):
                x = input.flatten(1)
                x = x - x.mean(dim=0)
                return x * 2

        error = self.refuse(Mixing(), tmp_path)
        assert "x = x - x.mean(dim=0)" == line_of(error)
        assert "must not depend on each other" in str(error.value)

    def test_a_branch_on_the_batch_size(self, tmp_path):
        class Branching(nn.Module):
            def forward(self, input):
                x = input.flatten(1)
                if x.shape[0] == 2:
                    return x * 1
                return x + 0

        assert line_of(self.refuse(Branching(), tmp_path)) == "if x.shape[0] == 2:"

    def test_a_branch_on_large_batches(self, tmp_path):
        class Branching(nn.Module):
            def forward(self, input):
                if input.shape[0] > 5:
                    return input.flatten(1) + 0
                return input.flatten(1)

        error = self.refuse(Branching(), tmp_path)
        assert line_of(error) == "if input.shape[0] > 5:"
        assert "one thing for some sizes of the axis 'batch'" in str(error.value)

    def test_a_number_made_of_the_batch_size(self, tmp_path):
        class Numbered(nn.Module):
            def forward(self, input):
                rows = int(input.shape[0])
                return torch.cat([input.flatten(1), torch.zeros(rows, 1)], 1)

        error = self.refuse(Numbered(), tmp_path)
        assert line_of(error) == "rows = int(input.shape[0])"
        assert "fixes the axis 'batch' at 2" in str(error.value)

    def test_a_loop_over_the_rows(self, tmp_path):
        class Looping(nn.Module):
            def forward(self, input):
                return torch.stack([row.flatten() * 2 for row in input])

        assert "for row in input" in line_of(self.refuse(Looping(), tmp_path))

    def test_a_first_axis_that_does_not_count_rows(self, tmp_path):
        self.refuse(LeNet(), tmp_path, torch.tensor(1.0))


class TestWhatIsRefused:
    def refuse(self, tmp_path, module=None, example=None, **options):
        with pytest.raises(ExportError) as error:
            export(module or LeNet(), torch.rand(2, 1, 28, 28) if example is None else example, tmp_path / "m", **options)
        assert left_behind(tmp_path) == []
        assert isinstance(error.value, muster.InvalidArgument)
        return str(error.value)

    def test_no_module(self, tmp_path):
        assert "a torch.nn.Module is wanted, not function" in self.refuse(tmp_path, functional.relu)

    def test_a_module_that_is_not_on_the_cpu(self, tmp_path):
        assert "the module is on meta" in self.refuse(tmp_path, nn.Linear(2, 2, device="meta"), torch.rand(2, 2))

    def test_an_example_that_does_not_fit(self, tmp_path):
        assert "does not fit forward" in self.refuse(tmp_path, example={"picture": torch.rand(2, 1, 28, 28)})
        assert "does not fit forward" in self.refuse(tmp_path, example=(torch.rand(2, 3), torch.rand(2, 3)))
        assert "the module fails on its example" in self.refuse(tmp_path, example=torch.rand(2, 3, 28, 28))
        assert "is ndarray, a torch.Tensor is wanted" in self.refuse(tmp_path, example=[np.zeros((2, 1, 28, 28))])

    def test_dropout_that_never_rests(self, tmp_path):
        class Restless(nn.Module):
            def forward(self, input):
                x = functional.dropout(input)
                return x

        message = self.refuse(tmp_path, Restless())
        assert "x = functional.dropout(input)" in message

    def test_names(self, tmp_path):
        assert "input_names has 2 names" in self.refuse(tmp_path, input_names=["a", "b"])
        assert "output_names has 2 names" in self.refuse(tmp_path, output_names=["a", "b"])
        assert "letters, digits" in self.refuse(tmp_path, output_names=["a b"])
        assert "has the name of its folder" in self.refuse(tmp_path, name="other")

    def test_labels_and_preprocessing_that_do_not_fit(self, tmp_path):
        assert "9 labels for an output of 10 classes" in self.refuse(tmp_path, labels=DIGITS[:9])
        assert "1 channels in the layout nchw, rgb has 3" in self.refuse(tmp_path, preprocessing=Preprocessing())

    def test_batch_sizes(self, tmp_path):
        assert "two different ones" in self.refuse(tmp_path, batch_sizes=[4])
        assert "max_batch_size" in self.refuse(tmp_path, batch_sizes=[1, 100])

    def test_what_cannot_be_captured(self, tmp_path):
        class Reading(nn.Module):
            def forward(self, input):
                if input.sum() > 0:
                    return input.flatten(1)
                return -input.flatten(1)

        message = self.refuse(tmp_path, Reading())
        assert "PyTorch cannot capture the module" in message
        assert "if input.sum() > 0:" in message

    def test_a_file_that_says_something_else(self, tmp_path, pictures):
        """The comparison itself: the folder of one module, held against another."""
        from muster.export.call import Call
        from muster.export.file_check import check_file
        from muster.export.steps import evaluating

        export(LeNet(), pictures, tmp_path / "lenet")
        other = Call(LeNet(), pictures, [], None, None)
        with evaluating(other.module), pytest.raises(ExportError, match="with a batch of 1 'output' of the file differs"):
            check_file(other, tmp_path / "lenet", [1, 2], None, {})
