"""Several hands on an explorer while the notebook computes: what every explorer's test of threads shares."""

import threading

import numpy as np

import cnnkit


def turn_beside_convolutions(explorer, **turned):
    """Set each of the model's traits to its values, in a thread each, while another thread convolves.

    Fails when a setting raised, when a convolution came out wrong, or when the explorer shows a problem.
    """
    failures, done = [], threading.Event()
    x, w = np.full((1, 1, 6, 6), 2, np.float32), np.ones((1, 1, 3, 3), np.float32)

    def convolve():
        try:
            while not done.is_set():
                assert (cnnkit.conv2d(x, w).get() == 18).all()
        except BaseException as error:
            failures.append(error)

    def turn(name, values):
        try:
            for value in values:
                setattr(explorer.model, name, value)
        except BaseException as error:
            failures.append(error)

    beside = threading.Thread(target=convolve)
    threads = [threading.Thread(target=turn, args=one) for one in turned.items()]
    for thread in (beside, *threads):
        thread.start()
    for thread in threads:
        thread.join()
    done.set()
    beside.join()
    assert failures == []
    assert "alert" not in explorer.message.value
