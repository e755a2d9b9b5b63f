import pytest
from fakes.simulated_cluster import SimulatedCluster


@pytest.fixture
def cluster(tmp_path):
    made = SimulatedCluster(tmp_path, names=4)
    yield made
    made.store.close()
