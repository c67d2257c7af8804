"""The driver of the device the tests run on: what OpenCL leaves open is known of PoCL alone."""

import re

from cnnkit import current_device

POCL = current_device().platform == "Portable Computing Language"
# Where not all work-items of a group come to a barrier, PoCL before version 7 lets the others go on, or
# crashes; PoCL 7 ends the whole group.
POCL_BEFORE_7 = POCL and int(re.findall(r"\d+", current_device().handle.driver_version)[0]) < 7
# Mesa 22 ends every loop after 65 535 rounds: none is endless there.
ENDS_LOOPS = "llvmpipe" in current_device().name
