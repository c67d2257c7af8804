"""The stop button of a notebook: a real kernel is interrupted while it trains, and nothing is lost."""

from jupyter_client.manager import start_new_kernel

SETUP = """
from cnnkit import *
from cnnkit import data
train, test = data.digits()
model = Sequential(Flatten(), Linear(64, 10), seed=0)
class Tells(Callback):
    def on_epoch_end(self, run):
        if run.epoch == 3:
            print("three epochs done", flush=True)
"""
TRAIN = "history = fit(model, train, epochs=100000, callbacks=[Tells()], progress=False)"
LOOK = """
learned = history["loss"][-1] < history["loss"][0]
print(history.stopped, len(history) > 0, learned, model.history is history)
"""


def said(client, code, timeout=120):
    """What running `code` prints; an error is part of it."""
    words = []

    def listen(message):
        content = message["content"]
        words.append(content.get("text", "") + content.get("evalue", ""))

    client.execute_interactive(code, output_hook=listen, timeout=timeout)
    return "".join(words)


def test_the_stop_button_keeps_model_and_history():
    manager, client = start_new_kernel()
    try:
        assert said(client, SETUP) == ""
        client.execute(TRAIN)
        while "three epochs done" not in client.get_iopub_msg(timeout=120)["content"].get("text", ""):
            pass
        manager.interrupt_kernel()
        assert said(client, LOOK).strip().endswith("interrupted True True True")
    finally:
        client.stop_channels()
        manager.shutdown_kernel(now=True)
