"""`python -m cnnkit` is the command `cnnkit`."""

import sys

from .cli import main

sys.exit(main())
