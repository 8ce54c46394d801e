"""The description of the processes that train together."""

import pytest

from textgen.distributed.cluster import Cluster, read_launcher
from textgen.errors import SettingsError


@pytest.mark.parametrize(
    ("fields", "option"),
    [
        (("somewhere",), "coordinator"),
        (("here:0", 2, 0), "coordinator"),
        (("auto", 2, 0), "coordinator"),
        (("here:80", None, 0), "processes"),
        (("here:80", 0, 0), "processes"),
        (("here:80", 2, None), "process"),
        (("here:80", 2, 2), "process"),
        (("here:80", 2, 1, 0.0), "wait"),
    ],
)
def test_a_field_that_cannot_be_used_is_named(fields, option):
    with pytest.raises(SettingsError) as caught:
        Cluster(*fields)
    assert caught.value.option == option


@pytest.mark.parametrize(
    ("coordinator", "address"),
    [("host0:23456", ("host0", 23456)), ("[::1]:80", ("::1", 80))],
)
def test_the_address_of_the_coordinator(coordinator, address):
    assert Cluster(coordinator, 2, 1).address == address


def test_a_cluster_that_a_launcher_describes():
    assert Cluster("auto").is_auto and not Cluster("host0:80", 1, 0).is_auto


@pytest.mark.parametrize(
    ("environment", "numbers"),
    [
        ({}, (None, None)),
        ({"PMI_SIZE": "4", "PMI_RANK": "3"}, (4, 3)),
        ({"OMPI_COMM_WORLD_SIZE": "2", "OMPI_COMM_WORLD_RANK": "0"}, (2, 0)),
        ({"SLURM_NTASKS": "8", "SLURM_PROCID": "7"}, (8, 7)),
        ({"SLURM_NTASKS": "8"}, (None, None)),
        ({"PMI_SIZE": "many", "PMI_RANK": "3"}, (None, None)),
    ],
)
def test_the_environment_of_launchers(environment, numbers):
    assert read_launcher(environment) == numbers
