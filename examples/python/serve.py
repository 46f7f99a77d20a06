# SPDX-License-Identifier: Apache-2.0
"""serve.py MODEL PICTURE...: starts a server, and asks it over HTTP what the pictures are."""

import sys
from pathlib import Path

# [start serve]
import muster


def ask_server(folder, pictures):
    """The best class of each picture, by a server that runs as long as it is asked."""
    name = Path(folder).resolve().name
    with muster.Server(folder) as server, server.client() as client:
        print("serving at", server.url)
        found = client.classify(name, pictures)
    return [scores[0].label for scores in found]


# [end serve]

if __name__ == "__main__":
    if len(sys.argv) < 3:
        sys.exit(__doc__)
    for picture, label in zip(sys.argv[2:], ask_server(sys.argv[1], sys.argv[2:])):
        print(f"{picture}: {label}")
