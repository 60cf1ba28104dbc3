"""Lets accelerate run FSDP on CPUs, over gloo, where it would run plain data parallelism. For tests only.

Python imports `sitecustomize` when it starts, from wherever PYTHONPATH finds it first. accelerate has one list of what may
become FSDP, and processes on CPUs are not on it, although torch's FSDP2 works there.
"""

import sys
from importlib.machinery import PathFinder, SourceFileLoader

THERE = "elif self.distributed_type in [\n                DistributedType.MULTI_GPU,\n"


class Patched(SourceFileLoader):
    """Compiles the module with one more name in the list."""

    def get_code(self, fullname):
        source = self.get_data(self.path).decode()
        assert source.count(THERE) == 1, "accelerate has changed; look where it decides about FSDP"
        return compile(source.replace(THERE, THERE + "DistributedType.MULTI_CPU,\n"), self.path, "exec")


class Finder:
    """Finds that one module."""

    @staticmethod
    def find_spec(name, path=None, target=None):
        if name != "accelerate.state":
            return None
        spec = PathFinder.find_spec(name, path)
        spec.loader = Patched(name, spec.origin)
        return spec


sys.meta_path.insert(0, Finder)
