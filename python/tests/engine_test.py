# SPDX-License-Identifier: Apache-2.0
"""muster.build_engine, where there is no TensorRT as where there is."""

import muster
import pytest


def test_it_says_what_is_missing_or_builds(lenet, tmp_path):
    output = tmp_path / "lenet.plan"
    seen = []
    try:
        engine = muster.build_engine(lenet, output, profiles="1:4:8", progress=seen.append)
    except muster.FailedPrecondition as missing:
        assert "tensorrt" in str(missing)
        assert not output.exists()
        pytest.skip(f"no engine is built here: {missing}")
    assert engine.file == output
    assert engine.bytes == output.stat().st_size
    assert all(0 <= news.done <= 1 for news in seen)


def test_what_cannot_be_built_says_why(lenet, tmp_path):
    with pytest.raises(muster.NotFound):
        muster.build_engine(tmp_path / "absent")
    with pytest.raises(muster.Unimplemented, match="onnxruntime"):
        muster.build_engine(lenet, tmp_path / "x.plan", backend="onnxruntime")
    with pytest.raises(muster.Error, match="nosuch"):
        muster.build_engine(lenet, backend="nosuch")
    assert not list(tmp_path.iterdir())
