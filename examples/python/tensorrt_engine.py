# SPDX-License-Identifier: Apache-2.0
"""tensorrt_engine.py MODEL ENGINE.plan: builds an engine for the GPU of this machine and runs it."""

import sys

import numpy as np

# [start engine]
import muster


def build(folder, file):
    """An engine for batches of 1 to 64, made for 8, in half precision where that is faster."""
    return muster.build_engine(
        folder,
        file,
        parameters={"profiles": "1:8:64", "precision": "fp16"},
        progress=lambda now: print(f"{now.done:4.0%} {now.phase}", file=sys.stderr),
    )


def run(file, images):
    with muster.Model(file, backend="tensorrt") as model:
        return model.run(images)["output"]


# [end engine]


def main(folder, file):
    try:
        engine = build(folder, file)
    except (muster.FailedPrecondition, muster.Unavailable, muster.Unimplemented) as missing:
        print(f"SKIPPED: no engine can be built here: {missing}")
        return
    print(engine)
    random = np.random.default_rng(7)
    for rows in (1, 2, 4, 8):
        images = random.random((rows, 1, 28, 28), np.float32)
        with muster.Model(folder) as reference:
            apart = float(np.abs(run(file, images) - reference.run(images)["output"]).max())
        print(f"batch {rows}: at most {apart:.0e} from ONNX Runtime")


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    main(*sys.argv[1:])
