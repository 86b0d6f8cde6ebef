import pytest

from acinus.core.errors import (
    AcinusError,
    DatasetError,
    InputError,
    ModelError,
    MppError,
    OutputError,
    UsageError,
)


@pytest.mark.parametrize("error", [InputError, MppError, DatasetError, OutputError, ModelError])
def test_what_the_files_cause_ends_with_one(error: type[AcinusError]):
    assert issubclass(error, AcinusError)
    assert error("text").exit_code == 1


def test_what_the_command_line_causes_ends_with_two():
    assert UsageError("text").exit_code == 2
