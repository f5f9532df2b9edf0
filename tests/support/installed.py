"""Where the programs are that tests run."""

import os
import shutil
import sys
from functools import cache
from pathlib import Path

import servers as real


@cache
def found(program):
    """Where a program is; those of Node.js and of the other environments are in the virtual environment."""
    own = (("node_modules", ".bin"), ("application", "bin"), ("dask", "bin"), ("ml", "bin"))
    beside = [str(Path(sys.prefix, *parts)) for parts in own]
    return real.find(program) or shutil.which(program, path=os.pathsep.join(beside))
