"""The course's pictures: one photograph, drawn shapes, and four sets of labeled images.

Nothing here is fetched or decoded on import. `photo`, `shapes` and `digits` never need a network;
`mnist`, `fashion_mnist` and `cifar10` read a folder of yours or download their files once.
"""

from cnnkit.data.cifar10 import cifar10
from cnnkit.data.dataset import Dataset
from cnnkit.data.digits import digits, ink_counts
from cnnkit.data.mnist import fashion_mnist, mnist
from cnnkit.data.photo import photo
from cnnkit.data.shapes import shapes

__all__ = ["Dataset", "cifar10", "digits", "fashion_mnist", "ink_counts", "mnist", "photo", "shapes"]
