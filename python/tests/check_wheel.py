# SPDX-License-Identifier: Apache-2.0
"""check_wheel.py BUILD FOLDER: makes a wheel out of the build folder BUILD with pip, installs it into a new environment in
FOLDER, and uses it from there, as somebody would who has ONNX Runtime's package."""

import os
import pathlib
import shutil
import subprocess
import sys
import sysconfig
import zipfile

ROOT = pathlib.Path(__file__).resolve().parents[2]
LARGEST = 30 << 20
USE = """
import pathlib
import numpy, muster
with muster.Model("models/lenet") as model:
    assert model.run(numpy.zeros((2, 1, 28, 28), numpy.float32))["output"].shape == (2, 10)
    assert model.classify("examples/digits/0_10.png")[0][0].label == "0"
    with muster.Batcher(model) as batcher:
        assert batcher.run(numpy.zeros((1, 28, 28), numpy.float32))["output"].shape == (10,)
try:
    muster.Model("models/lenet", "openvino")
except muster.FailedPrecondition as missing:
    has_backend = any(pathlib.Path(muster.__file__).parent.rglob("libmuster_openvino.so"))
    assert ("pip install 'muster[openvino]'" in str(missing)) == has_backend, missing
else:
    print("OpenVINO was found where the wheel was built, or in its package")
print(muster.__file__)
"""


def run(*command, **environment):
    done = subprocess.run(
        [str(part) for part in command],
        cwd=ROOT,
        env={**{k: v for k, v in os.environ.items() if k != "PYTHONPATH"}, **environment},
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        sys.exit(f"{' '.join(map(str, command))}\n{done.stdout}\n{done.stderr}")
    return done.stdout


def build(build_folder, folder):
    pip = (sys.executable, "-m", "pip", "--disable-pip-version-check", "--no-input")
    run(*pip, "wheel", ".", "--no-deps", "--no-build-isolation", "--wheel-dir", folder,
        f"--config-settings=build-dir={build_folder}")  # fmt: skip
    (wheel,) = folder.glob("muster-*.whl")
    return wheel


def check_contents(wheel):
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
    for wanted in ("muster/__init__.py", "muster/py.typed", "muster/_core.pyi", "muster/_install/bin/muster"):
        assert wanted in names, f"{wanted} is not in the wheel"
    assert sum("libmuster.so" in name for name in names) == 1, names
    for foreign in ("libonnxruntime.so", "libopenvino.so", "/include/", "__pycache__", "lenet"):
        assert not any(foreign in name for name in names), f"{foreign} is in the wheel"
    size = wheel.stat().st_size
    print(f"{wheel.name}: {size / (1 << 20):.1f} MiB, {len(names)} files")
    assert size < LARGEST, f"the wheel has {size} bytes"


def install(wheel, folder):
    """An environment with the wheel in it, and behind it the packages that this one has."""
    environment = folder / "venv"
    run(sys.executable, "-m", "venv", "--without-pip", environment)
    (packages,) = (environment / "lib").glob("python*/site-packages")
    (packages / "others.pth").write_text(sysconfig.get_path("purelib") + "\n")
    # pip is among those packages. It runs on the new interpreter, whose path the programs that it writes begin with.
    run(environment / "bin" / "python", "-m", "pip", "--disable-pip-version-check", "install", "--no-deps", "--no-index",
        "--ignore-installed", wheel)  # fmt: skip
    return environment


def main():
    build_folder, folder = map(pathlib.Path, sys.argv[1:])
    folder = folder / "wheel"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    wheel = build(build_folder, folder)
    check_contents(wheel)
    environment = install(wheel, folder)
    used = run(environment / "bin" / "python", "-c", USE)
    print(used, end="")
    assert str(environment) in used, "another package was imported"
    for program in ([environment / "bin" / "muster"], [environment / "bin" / "python", "-m", "muster"]):
        print(run(*program, "classify", "--model", "models/lenet", "examples/digits/0_10.png"), end="")


if __name__ == "__main__":
    main()
