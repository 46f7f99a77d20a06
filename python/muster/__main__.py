# SPDX-License-Identifier: Apache-2.0
"""``python -m muster VERB ...`` is the program ``muster VERB ...``."""

from muster._program import main

if __name__ == "__main__":
    main()
