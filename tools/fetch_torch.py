#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""fetch_torch.py FOLDER: puts PyTorch for the CPU into FOLDER, to be named in PYTHONPATH; run by the Python that will use it.

The package registry has PyTorch for Linux on x86-64 with CUDA alone, whose libraries are several times as large as
PyTorch. They are loaded with it and, where there is no GPU, never called: so each is replaced by a small one that has the
names and answers with an error. The wheels are those that tools/requirements-torch.txt pins by hash.
"""

import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import zipfile
from collections import defaultdict

REQUIREMENTS = pathlib.Path(__file__).resolve().parent / "requirements-torch.txt"
# Of the wheels: headers, programs, tests, and what is loaded on a GPU alone.
LEFT_OUT = re.compile(
    r"torch/(include|share)/|torch/bin/(?!torch_shm_manager)|torch/lib/lib(torch_cuda_linalg|caffe2_nvrtc)\.so|\.a$|\.pyi$"
    r"|(onnx/backend/test|onnx/test|onnxscript/testing|[\w/]+/tests)/"
)
# What every Linux has; all other libraries that are needed and not there are CUDA's.
SYSTEM = re.compile(r"(lib(c|m|dl|rt|pthread|stdc\+\+|gcc_s|z|quadmath)\.so|ld-linux)")
# Does once what tests do, and leaves what it imports compiled: the tests may not.
CHECK = """
import torch
module, rows = torch.nn.Linear(2, 2), torch.ones(2, 2)
optimizer = torch.optim.AdamW(module.parameters())
module(rows).sum().backward()
optimizer.step()
torch.onnx.export(torch.export.export(module, (rows,)), (), dynamo=True)
"""
NO_DEVICE = 100  # cudaErrorNoDevice; no library of CUDA's takes it for success


def output(*command):
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def unpack(wheel, into):
    with zipfile.ZipFile(wheel) as archive:
        for name in archive.namelist():
            if not LEFT_OUT.search(name) and not name.endswith("/"):
                target = into / name
                if not target.resolve().is_relative_to(into):
                    raise SystemExit(f"{wheel}: {name} leads out of the folder")
                target.parent.mkdir(parents=True, exist_ok=True)
                with archive.open(name) as source, open(target, "wb") as sink:
                    shutil.copyfileobj(source, sink, 1 << 20)


def wanted_symbols(libraries):
    """(library, version) -> the names that are looked for there, and library -> its versions."""
    names, versions, defined = defaultdict(set), defaultdict(set), set()
    for library in libraries:
        for line in output("nm", "-D", "--undefined-only", library).splitlines():
            kind, name = line.split()[-2:]
            if kind == "U" and re.match(r"(cu|nccl|nvrtc|nvshmem)", name):
                name, _, version = name.partition("@")
                names[version.lstrip("@")].add(name)
        defined.update(line.split()[-1].partition("@")[0] for line in output("nm", "-D", "--defined-only", library).splitlines())
        file = ""
        for line in output("readelf", "-VW", library).splitlines():
            found = re.search(r"File: (\S+)\s+Cnt|Name: (\S+)\s+Flags", line)
            if found and found[1]:
                file = found[1]
            elif found and file:
                versions[file].add(found[2])
    return {version: some - defined for version, some in names.items()}, versions


def make_stand_in(file, symbols):
    """A library of that name whose functions all answer that there is no device. `symbols`: version -> names."""
    names = [name for some in symbols.values() for name in sorted(some)]
    code = [".text", *(f".globl {name}\n.type {name}, @function\n{name}:" for name in names)]
    code += [f"movl ${NO_DEVICE}, %eax", "ret", '.section .note.GNU-stack,"",@progbits', ""]
    script = [f"{version} {{ global: {' '.join(f'{n};' for n in sorted(some))} }};" for version, some in symbols.items() if version]
    with tempfile.TemporaryDirectory() as scratch:
        source, map_file = pathlib.Path(scratch, "names.s"), pathlib.Path(scratch, "versions")
        source.write_text("\n".join(code))
        map_file.write_text("\n".join(script))
        options = [f"-Wl,--version-script={map_file}"] if script else []
        output("gcc", "-shared", "-nostdlib", f"-Wl,-soname,{file.name}", "-o", str(file), str(source), *options)


def stand_in_for_cuda(folder):
    libraries = folder / "torch" / "lib"
    shutil.move(next(folder.glob("nvidia/*/lib/libcudart.so.*")), libraries)
    shutil.rmtree(folder / "nvidia")
    there = sorted(libraries.glob("*.so*"))
    needed = {name for one in there for name in re.findall(r"NEEDED.*\[(.*)\]", output("readelf", "-dW", one))}
    missing = sorted(name for name in needed - {one.name for one in there} if not SYSTEM.match(name))
    names, versions = wanted_symbols(there)
    for number, name in enumerate(missing):
        symbols = {version: names.get(version, set()) for version in versions[name]}
        if number == 0:  # those without a version are found in whichever library has them
            symbols[""] = names.get("", set())
        make_stand_in(libraries / name, symbols)


def main(into):
    fresh = into.with_name(into.name + ".new").resolve()
    shutil.rmtree(fresh, ignore_errors=True)
    fresh.mkdir(parents=True)
    with tempfile.TemporaryDirectory(dir=fresh.parent) as wheels:
        command = [sys.executable, "-m", "pip", "--disable-pip-version-check", "--no-input", "--retries", "5", "download"]
        command += ["--no-deps", "--only-binary=:all:", "--require-hashes", "--dest", wheels, "-r", str(REQUIREMENTS)]
        subprocess.run(command, check=True)
        for wheel in sorted(pathlib.Path(wheels).glob("*.whl")):
            unpack(wheel, fresh)
    stand_in_for_cuda(fresh)
    environment = {**os.environ, "PYTHONPATH": str(fresh)}
    environment.pop("PYTHONDONTWRITEBYTECODE", None)
    subprocess.run([sys.executable, "-c", CHECK], check=True, env=environment)
    shutil.rmtree(into, ignore_errors=True)
    fresh.rename(into)


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    main(pathlib.Path(sys.argv[1]).absolute())
