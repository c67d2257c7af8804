"""The device explorer: table, self-tests and choice, with stand-ins for the devices that are not here."""

from __future__ import annotations

import threading
from types import SimpleNamespace

import numpy as np
import pytest
import traitlets

import cnnkit
from cnnkit import checkup
from cnnkit.errors import DeviceError
from cnnkit.explore import DeviceExplorer, DeviceModel


class Machine:
    """Three devices of which only the first, the real one, computes; what was asked of them is noted."""

    def __init__(self, monkeypatch, real):
        def stand_in(index, name, kind):
            return SimpleNamespace(
                index=index,
                name=name,
                kind=kind,
                platform=f"{name}'s <platform>",
                version="OpenCL 3.0 | 1",
                compute_units=7,
                memory_bytes=3 * 2**30,
                max_work_group_size=256,
                local_memory_bytes=32 * 1024,
                fp64=False,
                sub_groups=True,
            )

        self.real = real
        self.gpu = stand_in(1, "Great & Fast", "GPU")
        self.simulator = stand_in(2, "Slow Simulator", "simulator")
        self.found = [real, self.gpu, self.simulator]
        self.current, self.tested, self.broken = real, [], {}
        self.cannot_be_used = None
        monkeypatch.setattr(cnnkit, "devices", lambda: list(self.found))
        monkeypatch.setattr(cnnkit, "current_device", lambda: self.current)
        monkeypatch.setattr(cnnkit, "use", self.use)
        monkeypatch.setattr(checkup, "self_test", self.self_test)

    def self_test(self, index):
        self.tested.append(index)
        if index in self.broken:
            raise DeviceError(self.broken[index])

    def use(self, device):
        if device is self.cannot_be_used:
            raise DeviceError(f"{device.name} has vanished.")
        self.current = device
        return device


@pytest.fixture
def machine(monkeypatch):
    real = cnnkit.current_device()
    monkeypatch.setattr(real, "index", 0)
    # The stand-ins compute on the real device; `finish` is all that is asked of them beside facts.
    made = Machine(monkeypatch, real)
    made.gpu.finish = made.simulator.finish = real.finish
    return made


@pytest.fixture
def explorer(machine):
    return DeviceExplorer()


def edges_of(image):
    """The edge filter by its definition: nine times the middle minus the sum of the neighborhood."""
    padded = np.pad(image.astype(np.float64), 1)
    windows = np.lib.stride_tricks.sliding_window_view(padded, (3, 3))
    return 9 * image - windows.sum(axis=(2, 3))


def test_the_picture_is_the_photos_edges_and_says_a_speed():
    model = DeviceModel()
    np.testing.assert_allclose(model.picture, edges_of(cnnkit.data.photo()[0, 0]), atol=1e-4)
    assert model.seconds > 0 and "multiply-adds per second" in model.speed()
    assert model.in_use is cnnkit.current_device() and model.chosen == model.in_use.index


def test_the_table_has_every_device_with_its_facts(explorer):
    table = explorer.table.value
    for text in ("Great &amp; Fast", "Slow Simulator", "3.0 GiB", "32 KiB", "256 work-items", "&lt;platform"):
        assert text in table
    assert table.count('scope="col"') == 4 and "simulator, very slow" in table
    assert table.count("not tested yet") == 2 and table.count("passed") == 1
    picker = explorer.children[1]
    assert [index for _, index in picker.options] == [0, 1, 2]
    assert "very slow" in picker.options[2][0]


def test_looking_runs_no_self_test(explorer, machine):
    explorer.model.chosen = 1
    explorer.children[1].value = 2
    explorer.still()
    assert machine.tested == [] and machine.current is machine.real


def test_use_tests_first_and_then_computes_there(explorer, machine):
    explorer.children[1].value = 1
    assert explorer.model.chosen == 1
    explorer.use_button.click()
    assert machine.tested == [1] and machine.current is machine.gpu
    assert explorer.model.in_use is machine.gpu and explorer.model.state()["verdicts"][1] == "passed"
    assert "is in use from now on: make models and arrays anew" in explorer.status.value
    assert explorer.edges.caption == "Great & Fast" and "device 1" in explorer.edges.title
    assert "Models and arrays stay" in explorer.children[-1].value
    explorer.use_button.click()
    assert "is still in use" in explorer.status.value


def test_test_alone_changes_nothing_else(explorer, machine):
    explorer.model.chosen = 1
    version = explorer.model.version
    explorer.test_button.click()
    assert machine.tested == [1] and machine.current is machine.real
    assert explorer.model.version == version and "passed its self-test" in explorer.status.value


@pytest.mark.parametrize("button", ["test_button", "use_button"])
def test_a_failing_self_test_is_told_and_the_device_before_stays(explorer, machine, button):
    machine.broken[1] = "A driver <hangs>: the self-test of device 1 did not end within 120 seconds."
    explorer.model.chosen = 1
    getattr(explorer, button).click()
    assert machine.current is machine.real
    assert f"120 seconds. {machine.real.name} stays in use." in explorer.status.value
    assert "&lt;hangs&gt;" in explorer.table.value and "FAILED" in explorer.table.value
    assert explorer.model.picture is not None
    machine.broken.clear()  # repaired
    explorer.use_button.click()
    assert machine.current is machine.gpu and "FAILED" not in explorer.table.value


def test_a_device_that_vanishes_leaves_the_one_before(explorer, machine):
    machine.cannot_be_used = machine.gpu
    explorer.model.chosen = 1
    explorer.use_button.click()
    assert machine.current is machine.real and explorer.model.in_use is machine.real
    assert "has vanished" in explorer.status.value and "stays in use" in explorer.status.value
    assert explorer.model.problem == ""


def test_a_device_that_passes_but_cannot_compute_is_left_again(explorer, machine, monkeypatch):
    convolve = cnnkit.conv2d

    def fails_on_the_gpu(*args, **kwargs):
        if machine.current is machine.gpu:
            raise DeviceError("Out of memory.")
        return convolve(*args, **kwargs)

    monkeypatch.setattr(cnnkit, "conv2d", fails_on_the_gpu)
    explorer.model.chosen = 1
    explorer.use_button.click()
    assert machine.current is machine.real and explorer.model.picture is not None
    assert "failed at the picture: Out of memory." in explorer.status.value
    assert explorer.model.problem == "" and "FAILED: Out of memory." in explorer.table.value


def test_a_simulator_runs_only_when_it_is_allowed(explorer, machine):
    explorer.model.chosen = 2
    explorer.test_button.click()
    explorer.use_button.click()
    assert machine.tested == [] and machine.current is machine.real
    assert "thousands of times slower" in explorer.status.value and explorer.allow.layout.display is None
    explorer.allow.value = True
    explorer.use_button.click()
    assert machine.current is machine.simulator
    assert explorer.model.picture.shape == (32, 32)  # small, or the learner would wait for a minute


def test_without_simulators_nothing_offers_them(machine):
    machine.found.pop()
    assert DeviceExplorer().allow.layout.display == "none"


def test_a_machine_without_devices_says_what_to_install(machine, monkeypatch):
    def none():
        raise DeviceError("No OpenCL device was found on this machine: install one.")

    monkeypatch.setattr(cnnkit, "devices", none)
    explorer = DeviceExplorer()
    assert "install one" in explorer.message.value and explorer.use_button.disabled
    assert explorer.table.value == "" and explorer.still().startswith(b"\x89PNG")
    assert explorer.state()["in_use"] == -1 and explorer.state()["devices"] == 0
    assert explorer.model.use() is False and "no device" in explorer.model.told
    assert "none of them computes" in explorer.describe()


def test_where_only_simulators_are_one_can_be_chosen(machine, monkeypatch):
    def only_simulators():
        if machine.current is None:
            raise DeviceError("Only simulators were found.")
        return machine.current

    monkeypatch.setattr(cnnkit, "current_device", only_simulators)
    machine.current, machine.found = None, [machine.simulator]
    machine.simulator.index = 0
    explorer = DeviceExplorer(allow_simulators=True)
    assert "Only simulators" in explorer.message.value and "Slow Simulator" in explorer.table.value
    explorer.use_button.click()
    assert machine.current is machine.simulator and explorer.message.value == ""


def test_controls_follow_the_model(explorer):
    explorer.model.chosen = 2
    assert explorer.children[1].value == 2
    explorer.model.allow_simulators = True
    assert explorer.allow.value is True
    with pytest.raises(traitlets.TraitError, match="no device 3: this machine has 3"):
        explorer.model.chosen = 3


def test_two_models_can_be_linked(machine):
    one, other = DeviceModel(), DeviceModel()
    traitlets.link((one, "chosen"), (other, "chosen"))
    one.chosen = 1
    assert other.chosen == 1


def test_the_sentence_is_the_same_on_every_machine(explorer, machine):
    before = explorer.describe(), explorer.still()
    for device in machine.found:
        assert device.name not in before[0]
    explorer.model.chosen = 1
    explorer.use_button.click()
    assert explorer.describe() == before[0]
    assert explorer.still() != before[1] and machine.gpu.name in explorer.caption()
    assert machine.gpu.name in explorer.edges.alt


def test_state_is_plain_values(explorer):
    assert explorer.state() == {
        "chosen": 0,
        "allow_simulators": False,
        "devices": 3,
        "in_use": 0,
        "verdicts": ["passed", "not tested yet", "not tested yet"],
        "problem": "",
    }


def test_while_a_test_runs_the_buttons_rest(explorer, machine, monkeypatch):
    seen = []

    def watching(index):
        seen.append((explorer.use_button.disabled, explorer.status.value))

    monkeypatch.setattr(checkup, "self_test", watching)
    explorer.model.chosen = 1
    explorer.use_button.click()
    assert seen[0][0] is True and "Testing Great &amp; Fast" in seen[0][1]
    assert explorer.use_button.disabled is False


def test_an_error_in_a_callback_is_shown_and_goes_away(explorer, machine, monkeypatch):
    with monkeypatch.context() as broken:
        broken.setattr(checkup, "self_test", lambda index: 1 / 0)
        explorer.test_button.click()
        assert "ZeroDivisionError" in explorer.message.value and explorer.model.busy == ""
    explorer.test_button.click()
    assert explorer.message.value == ""


def test_the_real_self_test_runs_in_another_python():
    model = DeviceModel()
    assert model.use() is True
    assert "passed its self-test and is still in use" in model.told


def test_choosing_beside_another_thread_that_convolves(explorer, machine):
    done, failures = threading.Event(), []
    x, w = np.ones((1, 1, 16, 16), np.float32), np.ones((1, 1, 3, 3), np.float32)

    def convolve():
        while not done.is_set():
            if not (cnnkit.conv2d(x, w).get() == 9).all():
                failures.append("wrong")

    def choose():
        try:
            for index in [0, 1] * 5 + [0]:
                explorer.model.chosen = index
                explorer.use_button.click()
        except Exception as error:
            failures.append(error)

    other, chooser = threading.Thread(target=convolve), threading.Thread(target=choose)
    other.start()
    chooser.start()
    chooser.join()
    done.set()
    other.join()
    assert not failures and explorer.message.value == "" and machine.current is machine.real
    np.testing.assert_allclose(explorer.edges.values, np.abs(edges_of(cnnkit.data.photo()[0, 0])), atol=1e-4)
