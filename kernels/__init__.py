"""The OpenCL sources, one file per operation: read through `cnnkit.kernel.source`."""
