# SPDX-License-Identifier: Apache-2.0
"""Models that come, go and are replaced while others ask for them. Every one of these calls must succeed."""

import json
import pathlib
import random
import shutil
import threading
import time

import tritonclient.http
from tritonclient.utils import InferenceServerException

import soak_models

# A reload loads and warms a whole model: more of them would measure that instead of the server.
PAUSE_S = 0.2


def run(place, tally):
    chance = random.Random(f"{place.seed} {tally.name}")
    folder = pathlib.Path(place.repository) / soak_models.RELOADED
    newest = 1
    with tritonclient.http.InferenceServerClient(place.http, network_timeout=120, connection_timeout=120) as client:

        def new_version():
            nonlocal newest
            shutil.copytree(folder / str(newest), folder / str(newest + 1))
            client.load_model(soak_models.RELOADED)
            if not client.is_model_ready(soak_models.RELOADED, str(newest + 1)):
                tally.wrong(f"version {newest + 1} is not ready after it was loaded")
            shutil.rmtree(folder / str(newest))
            newest += 1

        def new_settings():
            size = chance.choice((16, 32, 48))
            client.load_model(soak_models.RELOADED, config=json.dumps({"max_batch_size": size}))

        def reload():
            client.load_model(chance.choice(("longs", "texts")))

        def come_and_go():
            client.load_model(soak_models.COMING_AND_GOING)
            client.unload_model(soak_models.COMING_AND_GOING)

        def broken_version():
            broken = folder / str(newest + 1)
            broken.mkdir()
            (broken / "model.onnx").write_bytes(b"not a model")
            try:
                client.load_model(soak_models.RELOADED)
                tally.wrong("a broken version was loaded")
            except InferenceServerException:
                pass
            shutil.rmtree(broken)

        steps = (new_version, new_settings, reload, come_and_go, broken_version)
        while not place.is_over():
            step = chance.choice(steps)
            tally.sent += 1
            try:
                step()
                tally.right += 1
            except InferenceServerException as failure:
                tally.wrong(f"{step.__name__}: {failure}")
            threading.Event().wait(max(0, min(PAUSE_S, place.end - time.monotonic())))
    tally.close()
