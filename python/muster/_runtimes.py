# SPDX-License-Identifier: Apache-2.0
"""Finds the runtimes where their own Python packages have put them, without importing these packages.

Muster's backends are linked to ``libonnxruntime.so.1`` and ``libopenvino.so.*`` by name. A library that this process has opened
already is the one that the loader then takes; a program that is started gets told by its environment.
"""

from __future__ import annotations

import ctypes
import functools
import importlib.util
import os
import pathlib

# The backend's name -> its package, and where in there the library lies.
_PLACES = {
    "onnxruntime": ("onnxruntime", "capi", "libonnxruntime.so.*"),
    "openvino": ("openvino", "libs", "libopenvino.so.*"),
}


@functools.cache
def library(backend: str) -> pathlib.Path | None:
    """The runtime's library in its Python package, or None where that is not installed."""
    if backend not in _PLACES:
        return None
    package, folder, pattern = _PLACES[backend]
    try:
        spec = importlib.util.find_spec(package)
    except (ImportError, ValueError):
        return None
    if spec is None or not spec.submodule_search_locations:
        return None
    for place in spec.submodule_search_locations:
        found = sorted((pathlib.Path(place) / folder).glob(pattern))
        if found:
            return found[-1]
    return None


@functools.cache
def prepare(backend: str) -> None:
    """Opens the runtime of a backend's Python package, if there is one, so that the backend finds it."""
    found = library(backend)
    if found is None:
        return
    try:
        ctypes.CDLL(str(found), mode=os.RTLD_NOW | os.RTLD_LOCAL)
    except OSError:
        # What the backend then says of its runtime is what the user needs to know.
        return


def environment() -> dict[str, str]:
    """This process's environment, with which a program finds the same runtimes."""
    result = dict(os.environ)
    runtime = library("onnxruntime")
    # Its file bears its whole version in its name, so that no folder of libraries would do.
    if runtime is not None:
        result["LD_PRELOAD"] = ":".join(filter(None, [str(runtime), result.get("LD_PRELOAD", "")]))
    runtime = library("openvino")
    if runtime is not None:
        result["LD_LIBRARY_PATH"] = ":".join(filter(None, [str(runtime.parent), result.get("LD_LIBRARY_PATH", "")]))
    return result
