"""How many devices share a batch, and which batches they can share."""

import pytest

from textgen.distributed.sharding import DeviceSharding, ProcessSharding, Sharding, create_sharding
from textgen.errors import SettingsError


def test_one_device_has_the_whole_batch():
    sharding = create_sharding(1)
    assert type(sharding) is Sharding and sharding.count == 1
    assert sharding.limited_to(3, gpu=True) is sharding
    assert (sharding.whole_rows(11), sharding.padded_rows(11)) == (11, 11)
    assert sharding.padded_rows(0) == 1
    assert sharding.jit_options([]) == {}
    sharding.check_rows(3)


def test_rows_that_devices_share_evenly():
    sharding = create_sharding(4)
    assert (sharding.whole_rows(11), sharding.padded_rows(11), sharding.padded_rows(0)) == (
        8,
        12,
        4,
    )
    sharding.check_rows(8)


def test_rows_that_devices_cannot_share():
    with pytest.raises(SettingsError, match=r"4.*give 8") as caught:
        create_sharding(4).check_rows(9)
    assert caught.value.option == "batch_size"


@pytest.mark.parametrize(
    ("devices", "rows", "gpu", "count"),
    [
        (3, 4, False, 2),
        (3, 4, True, 1),  # a GPU has 32 rows or more
        (8, 128, True, 4),
        (8, 7, False, 7),
    ],
)
def test_one_process_uses_no_more_devices_than_should_share_a_batch(devices, rows, gpu, count):
    assert create_sharding(devices).limited_to(rows, gpu=gpu).count == count


def test_several_processes_all_take_part():
    sharding = create_sharding(4, processes=2)
    assert sharding == ProcessSharding(4) != DeviceSharding(4)
    assert sharding.limited_to(3, gpu=True) is sharding
