# SPDX-License-Identifier: Apache-2.0
"""batch_requests.py MODEL: many callers with one row each share batches, from threads and from asyncio."""

import asyncio
import sys
from concurrent.futures import ThreadPoolExecutor

import numpy as np

# [start threads]
import muster


def from_threads(batcher, rows):
    """Each row from a thread of its own; those that wait together are run together."""
    with ThreadPoolExecutor(16) as callers:
        return list(callers.map(lambda row: batcher.run(row)["output"], rows))


# [end threads]

# [start tasks]


async def from_tasks(batcher, rows):
    """The same from tasks of asyncio: a future of Muster's can be awaited."""
    futures = [batcher.submit(row) for row in rows]
    return [(await future)["output"] for future in futures]


# [end tasks]


def main(folder):
    rows = np.random.default_rng(7).random((256, 1, 1, 28, 28), np.float32)
    # [start batcher]
    with muster.Model(folder) as model, muster.Batcher(model, max_batch_size=32, max_delay=0.001) as batcher:
        answers = from_threads(batcher, rows)
        awaited = asyncio.run(from_tasks(batcher, rows))
        statistics = batcher.statistics()
        expected = model.run(rows.reshape(-1, 1, 28, 28))["output"]
    # [end batcher]
    assert np.allclose(np.concatenate(answers), expected, atol=1e-4)
    assert np.allclose(np.concatenate(awaited), expected, atol=1e-4)
    print(f"{statistics['rows']} rows in {statistics['batches']} batches")


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    main(sys.argv[1])
