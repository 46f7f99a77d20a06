#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""ask_installed_server.py PREFIX: starts the installed program as a server of the installed models, and asks it."""

import json
import pathlib
import sys
import urllib.request

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests" / "server"))

from running_server import RunningServer  # noqa: E402


def main(prefix):
    picture = (ROOT / "examples" / "digits" / "3_0.png").read_bytes()
    with RunningServer(prefix / "bin" / "muster", prefix / "share" / "muster" / "models") as server:
        url = f"http://{server.http}/v2/models/lenet/classify"
        with urllib.request.urlopen(urllib.request.Request(url, picture, {"Content-Type": "image/png"})) as reply:
            answer = json.load(reply)
    print("label", answer["pictures"][0]["classes"][0]["label"])


if __name__ == "__main__":
    main(pathlib.Path(sys.argv[1]))
