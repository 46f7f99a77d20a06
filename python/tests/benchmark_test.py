# SPDX-License-Identifier: Apache-2.0
"""muster.bench and the table that it makes."""

import xml.etree.ElementTree as ElementTree

import muster
import pytest


@pytest.fixture(scope="module")
def table(lenet):
    return muster.bench(lenet, batch_sizes=[1, 2, 4], iterations=5, warm_up=0)


def test_it_has_a_row_for_each_batch_size(table):
    assert table["batch_size"] == [1, 2, 4]
    assert table["runs"] == [5, 5, 5]
    assert table["backend"] == ["onnxruntime"] * 3
    for column in ("mean_ms", "p50_ms", "p90_ms", "p99_ms", "items_per_second", "rss_mib"):
        assert all(value > 0 for value in table[column])
    assert table.model == "lenet"


def test_it_is_a_dict_and_a_table(table):
    assert dict(table)["batch_size"] == [1, 2, 4]
    assert len(str(table).splitlines()) == 4
    assert "items_per_second" in repr(table)
    assert "<td>" in table._repr_html_()
    with pytest.raises(KeyError):
        table["nothing"]
    assert (table + table)["batch_size"] == [1, 2, 4, 1, 2, 4]


def test_its_plot_is_a_picture(table, tmp_path):
    file = tmp_path / "plot.svg"
    assert ElementTree.fromstring(table.plot(file)).tag.endswith("svg")
    assert file.read_text().count("<polyline") == 2
    ElementTree.fromstring(muster.BenchTable("<none>", []).plot())


def test_it_is_a_data_frame_where_pandas_is(table):
    pytest.importorskip("pandas", reason="pandas is not installed here")
    assert list(table.to_pandas().columns) == list(table)


def test_it_measures_a_model_that_is_open(lenet):
    with muster.Model(lenet) as model:
        assert len(muster.bench(model, [1], 3, warm_up=0).rows) == 1
        assert not model.closed


def test_open_dimensions_are_filled_in(root):
    file = root / "tests" / "models" / "dynamic_hw.onnx"
    with muster.Model(file) as model:
        (spec,) = model.inputs
        with pytest.raises(muster.InvalidArgument, match=spec.name):
            muster.bench(model, [1], 3, warm_up=0)
        row = [8 if size == -1 else size for size in spec.shape[1:]]
        assert muster.bench(model, [2], 3, warm_up=0, shapes={spec.name: row})["runs"] == [3]


def test_it_says_what_cannot_be_measured(root, lenet):
    with pytest.raises(muster.InvalidArgument, match="at least 1"):
        muster.bench(lenet, [0], 3)
    with pytest.raises(muster.InvalidArgument, match="at least 1"):
        muster.bench(lenet, [1], 0)
    with pytest.raises(muster.FailedPrecondition, match="no batch axis"):
        muster.bench(root / "tests" / "models" / "no_batch.onnx", [2], 3)
