# SPDX-License-Identifier: Apache-2.0
"""From a module of PyTorch's to a model folder that is served as it is.

    from muster.export import export, Preprocessing
    report = export(module, torch.rand(2, 3, 224, 224), "models/flowers", labels="flowers.txt")

PyTorch, onnx and onnxscript are needed (``pip install muster[export]``); they are imported when something is exported.
"""

from muster.export.errors import ExportError, FixedBatchError
from muster.export.exporter import export
from muster.export.file_check import Check
from muster.export.model_folder import Tensor
from muster.export.place import Place
from muster.export.preprocessing import Preprocessing
from muster.export.report import Report

__all__ = ["Check", "ExportError", "FixedBatchError", "Place", "Preprocessing", "Report", "Tensor", "export"]
