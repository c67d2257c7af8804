"""Every device of this machine for every test that asks for one, and the same examples on every run."""

import os

import hypothesis
import pytest

import cnnkit

hypothesis.settings.register_profile(
    "cnnkit",
    max_examples=int(os.environ.get("CNNKIT_TEST_EXAMPLES", "30")),
    deadline=None,  # the first example compiles kernels
    derandomize=True,  # what fails once fails again
    suppress_health_check=[hypothesis.HealthCheck.function_scoped_fixture],
)
hypothesis.settings.load_profile("cnnkit")


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """A test with an argument `device` runs on every device that is no simulator."""
    if "device" in metafunc.fixturenames:
        found = [d for d in cnnkit.devices() if d.kind != "simulator"]
        metafunc.parametrize("device", found, ids=[f"{d.index}-{d.platform}" for d in found], indirect=True)


@pytest.fixture
def device(request: pytest.FixtureRequest):
    """One device, in use for the test; the one before comes back after it."""
    before = cnnkit.current_device()
    yield cnnkit.use(request.param)
    cnnkit.use(before)
