"""An application's part of the processors is the machine's to keep, and none of a release."""

from __future__ import annotations

from tests.state.builders import Whole, make_settings, make_wanted

PATH = "/etc/systemd/system/system-homeport_my_app.slice"


def wanted(**data: object) -> Whole:
    return make_wanted(make_settings(app_name="my-app", **data))


def units(found: Whole) -> dict[str, str]:
    return {file.path.rpartition("/")[2]: file.content for file in found.release.etc}


def test_without_a_part_of_its_own_there_is_no_slice_and_units_are_as_they_were() -> None:
    assert PATH in wanted().part.absent
    assert "Slice=" not in units(wanted())["app.service"]


def test_another_weight_is_no_other_release() -> None:
    ones = [wanted(cpu_weight=weight) for weight in (200, 300)]
    assert ones[0].release.id == ones[1].release.id != wanted().release.id
    assert all("\nSlice=system-homeport_my_app.slice\n" in units(one)["app.service"] for one in ones)
    contents = [next(file.content for file in one.part.files if file.path == PATH) for one in ones]
    assert "\nCPUWeight=200\n" in contents[0]
    assert "\nCPUWeight=300\n" in contents[1]
    assert "CPUQuota" not in contents[0]


def test_a_most_is_in_percent_of_one_processor() -> None:
    [file] = [file for file in wanted(cpu_max=1.5).part.files if file.path == PATH]
    assert "\nCPUQuota=150%\n" in file.content
