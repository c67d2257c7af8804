"""Pretend that every OpenCL device has 32 KiB of local memory, the least that OpenCL promises.

Python imports a module of this name when it starts, if its folder is in PYTHONPATH; `tests/devices.py` puts
it there. PoCL takes a smaller largest work-group from its environment, but no smaller local memory.
"""

import sys
from importlib.abc import MetaPathFinder
from importlib.machinery import PathFinder

LOCAL_MEMORY = 32 << 10


class AfterImport(MetaPathFinder):
    """Changes the module `cnnkit.device` at the moment it is imported: pyopencl takes long to import."""

    def find_spec(self, name, path=None, target=None):
        spec = PathFinder.find_spec(name, path) if name == "cnnkit.device" else None
        if spec is None or spec.loader is None:
            return None
        load = spec.loader.exec_module

        def load_and_change(module):
            load(module)
            make = module.Device.__init__

            def make_small(self, handle):
                make(self, handle)
                self.local_memory_bytes = min(self.local_memory_bytes, LOCAL_MEMORY)

            module.Device.__init__ = make_small

        spec.loader.exec_module = load_and_change
        return spec


sys.meta_path.insert(0, AfterImport())
