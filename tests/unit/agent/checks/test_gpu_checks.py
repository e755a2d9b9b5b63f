"""Every judgement of NVIDIA's GPUs, from readings made by hand."""

from types import ModuleType
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.checks import (
    Clears,
    Timed,
    Verdict,
    gpu_clock_low,
    gpu_driver,
    gpu_ecc_corrected,
    gpu_ecc_uncorrected,
    gpu_fabric,
    gpu_hot,
    gpu_lost,
    gpu_memory_held,
    gpu_modes_mixed,
    gpu_nvlink_down,
    gpu_nvlink_errors,
    gpu_pages_pending,
    gpu_pages_retired,
    gpu_pcie_degraded,
    gpu_pcie_replays,
    gpu_persistence_off,
    gpu_power,
    gpu_recovery_needed,
    gpu_row_remap_failed,
    gpu_row_remap_pending,
    gpu_slowdown,
)
from agent.sensors import gpu_nvml, gpu_nvml_health
from agent.sensors.nvidia.device import Trouble
from wire.conditions import Severity, Status

GIB = 2**30
FAST = [gpu_clock_low, gpu_driver, gpu_ecc_uncorrected, gpu_hot, gpu_lost, gpu_power, gpu_recovery_needed, gpu_slowdown]
PAIRS = [gpu_ecc_corrected, gpu_nvlink_errors, gpu_pcie_replays]
SLOW = [
    *PAIRS,
    gpu_fabric,
    gpu_memory_held,
    gpu_modes_mixed,
    gpu_nvlink_down,
    gpu_pages_pending,
    gpu_pages_retired,
    gpu_pcie_degraded,
    gpu_persistence_off,
    gpu_row_remap_failed,
    gpu_row_remap_pending,
]
HEALTHY: dict[str, Any] = {"uuid": "GPU-a", "pci": "0000:3b:00", "index": 0}


def fast(*gpus: dict[str, Any], trouble: Trouble = Trouble.NONE) -> gpu_nvml.Reading:
    return gpu_nvml.Reading("550", trouble, str(trouble), [gpu_nvml.Gpu(**HEALTHY | gpu) for gpu in gpus])


def slow(*gpus: dict[str, Any]) -> gpu_nvml_health.Reading:
    return gpu_nvml_health.Reading([gpu_nvml_health.Gpu(**HEALTHY | gpu) for gpu in gpus])


def judged(check: ModuleType, *readings: Any, **thresholds: Any) -> Any:
    window = [Timed(60.0 * number, reading) for number, reading in enumerate(readings)]
    return check.judge(window, check.Thresholds(**thresholds))


def said(verdict: Verdict | None) -> str | None:
    """Reason and severity; None where nothing was judged."""
    if verdict is None:
        return None
    return str(verdict.reason) if verdict.status is Status.FALSE else f"{verdict.reason} {verdict.severity}"


@pytest.mark.parametrize(
    ("check", "facts", "expected"),
    [
        (gpu_hot, {"temperature_c": 88, "slowdown_c": 92}, "temperature_normal"),
        (gpu_hot, {"temperature_c": 89, "slowdown_c": 92}, "core_hot warning"),
        (gpu_hot, {"temperature_c": 92, "slowdown_c": 92}, "core_hot critical"),
        (gpu_hot, {"temperature_c": 86}, "temperature_normal"),
        (gpu_hot, {"temperature_c": 90}, "core_hot critical"),
        (gpu_hot, {"temperature_c": 89, "slowdown_c": 92, "memory_temperature_c": 95}, "memory_hot critical"),
        (gpu_hot, {"memory_temperature_c": 100, "memory_max_c": 105}, "temperature_normal"),
        (gpu_hot, {}, None),
        (gpu_slowdown, {"clock_reasons": 0x1 | 0x2 | 0x4 | 0x10 | 0x100}, "clocks_free"),
        (gpu_slowdown, {"clock_reasons": 0x48}, "hardware_thermal critical"),
        (gpu_slowdown, {"clock_reasons": 0x88}, "power_brake critical"),
        (gpu_slowdown, {"clock_reasons": 0x08}, "hardware_slowdown critical"),
        (gpu_slowdown, {"clock_reasons": 0x24}, "software_thermal warning"),
        (gpu_slowdown, {}, None),
        (gpu_power, {"power_w": 770.0, "power_limit_w": 700.0}, "power_normal"),
        (gpu_power, {"power_w": 771.0, "power_limit_w": 700.0}, "power_over_limit warning"),
        (gpu_power, {"power_w": 770.0}, None),
        (gpu_ecc_uncorrected, {"ecc_uncorrected": 0}, "no_uncorrected_errors"),
        (gpu_ecc_uncorrected, {"ecc_uncorrected": 1}, "uncorrected_errors critical"),
        (gpu_ecc_uncorrected, {}, None),
        (gpu_recovery_needed, {"recovery_action": 0}, "no_recovery_needed"),
        (gpu_recovery_needed, {"recovery_action": 1}, "gpu_reset_needed critical"),
        (gpu_recovery_needed, {"recovery_action": 2}, "reboot_needed critical"),
        (gpu_recovery_needed, {"recovery_action": 4}, "drain_and_reset_needed warning"),
        (gpu_recovery_needed, {"recovery_action": 7}, "reboot_needed critical"),
        (gpu_recovery_needed, {"recovery_action": 99}, "recovery_unknown warning"),
        (gpu_recovery_needed, {"trouble": Trouble.RESET_REQUIRED}, "gpu_reset_needed critical"),
        (gpu_recovery_needed, {}, None),
        (gpu_clock_low, {"sm_clock_mhz": 345, "sm_clock_max_mhz": 1980, "utilization": 98}, "clock_stuck_low warning"),
        (gpu_clock_low, {"sm_clock_mhz": 345, "sm_clock_max_mhz": 1980, "utilization": 89}, "clock_normal"),
        (gpu_clock_low, {"sm_clock_mhz": 792, "sm_clock_max_mhz": 1980, "utilization": 98}, "clock_normal"),
        (gpu_clock_low, {"sm_clock_mhz": 345, "sm_clock_max_mhz": 1980, "clock_reasons": 2}, "clock_normal"),
        (gpu_clock_low, {"sm_clock_mhz": 345}, None),
        (gpu_lost, {}, "gpu_present"),
        (gpu_lost, {"trouble": Trouble.LOST}, "gpu_fell_off_bus critical"),
        (gpu_lost, {"trouble": Trouble.MISSING}, "gpu_missing critical"),
        (gpu_lost, {"trouble": Trouble.UNCOUNTED}, "gpu_uncounted critical"),
        (gpu_lost, {"trouble": Trouble.NO_ANSWER}, "gpu_no_answer critical"),
        (gpu_lost, {"trouble": Trouble.RELEASED}, "released warning"),
        (gpu_lost, {"trouble": Trouble.RESET_REQUIRED}, "gpu_present"),
        (gpu_row_remap_pending, {"remap_pending": 0}, "no_remap_pending"),
        (gpu_row_remap_pending, {"remap_pending": 1}, "row_remap_pending warning"),
        (gpu_row_remap_failed, {"remap_failure": 0}, "no_remap_failed"),
        (gpu_row_remap_failed, {"remap_failure": 1}, "row_remap_failed critical"),
        (gpu_pages_pending, {"retired_pending": 0}, "no_pages_pending"),
        (gpu_pages_pending, {"retired_pending": 1}, "pages_pending warning"),
        (gpu_pages_pending, {}, None),
        (gpu_pages_retired, {"retired_corrected": 60, "retired_uncorrected": 2}, "pages_few"),
        (gpu_pages_retired, {"retired_corrected": 60, "retired_uncorrected": 3}, "pages_many critical"),
        (gpu_pages_retired, {"retired_uncorrected": 63}, "pages_many critical"),
        (gpu_pages_retired, {}, None),
        (gpu_persistence_off, {"persistence": 1}, "persistence_on"),
        (gpu_persistence_off, {"persistence": 0}, "persistence_off warning"),
        (gpu_fabric, {"fabric_state": 3, "fabric_status": 0}, "fabric_joined"),
        (gpu_fabric, {"fabric_state": 1}, "fabric_not_started critical"),
        (gpu_fabric, {"fabric_state": 2}, "fabric_joining critical"),
        (gpu_fabric, {"fabric_state": 3, "fabric_status": 999}, "fabric_failed critical"),
        (gpu_fabric, {"fabric_state": 3, "fabric_health": 0b10_10_10_10}, "fabric_joined"),
        (gpu_fabric, {"fabric_state": 3, "fabric_health": 0b01}, "fabric_bandwidth_degraded warning"),
        (gpu_fabric, {"fabric_state": 3, "fabric_health": 0b01_01_01}, "fabric_route_unhealthy critical"),
        (gpu_fabric, {}, None),
        (gpu_nvlink_down, {}, None),
        (gpu_nvlink_down, {"nvlinks_active": 0, "mig": 1}, None),
    ],
)
def test_one_gpu(check: ModuleType, facts: dict[str, Any], expected: str | None) -> None:
    reading = fast(facts) if check in FAST else slow(facts)
    assert said(judged(check, reading).get("GPU-a")) == expected


@pytest.mark.parametrize(
    ("facts", "expected"),
    [
        ({}, "link_full"),
        ({"pcie_width": 8}, "width_degraded warning"),
        ({"pcie_generation": 3}, "generation_degraded warning"),
        ({"pcie_generation": 1, "pcie_width": 8, "utilization": 49}, "link_idle"),
        ({"pcie_generation": 1, "utilization": None}, "link_idle"),
        ({"pcie_generation_max": None, "pcie_width_max": None}, "link_full"),
        ({"pcie_width": None}, None),
    ],
)
def test_a_pcie_link_is_judged_under_load(facts: dict[str, Any], expected: str | None) -> None:
    full = {"pcie_generation": 5, "pcie_generation_max": 5, "pcie_width": 16, "pcie_width_max": 16, "utilization": 50}
    assert said(judged(gpu_pcie_degraded, slow(full | facts)).get("GPU-a")) == expected


@pytest.mark.parametrize(
    ("facts", "expected"),
    [
        ({"processes": 0, "processes_alive": 0}, "held_by_nobody warning"),
        ({"processes": 2, "processes_alive": 0}, "held_by_the_dead warning"),
        ({"processes": 2, "processes_alive": 1}, "memory_accounted"),
        ({"processes": 0, "processes_alive": 0, "memory_used_bytes": GIB}, "memory_accounted"),
        ({"processes": 0, "processes_alive": 0, "mig": 1}, None),
        ({}, None),
    ],
)
def test_memory_that_nobody_has(facts: dict[str, Any], expected: str | None) -> None:
    assert said(judged(gpu_memory_held, slow({"memory_used_bytes": 40 * GIB} | facts)).get("GPU-a")) == expected


@pytest.mark.parametrize(
    ("check", "counter", "grows", "expected"),
    [
        (gpu_ecc_corrected, "ecc_corrected", 10, "corrected_errors_few"),
        (gpu_ecc_corrected, "ecc_corrected", 11, "corrected_errors_many warning"),
        (gpu_pcie_replays, "pcie_replays", 8, "replays_few"),
        (gpu_pcie_replays, "pcie_replays", 9, "replays_many warning"),
        (gpu_pcie_replays, "pcie_replays", -1000, "replays_few"),  # began anew, at 0
        (gpu_pcie_replays, "pcie_replays", -980, "replays_many warning"),  # began anew, and has 20 already
    ],
)
def test_counters_that_grow(check: ModuleType, counter: str, grows: int, expected: str) -> None:
    verdicts = judged(check, slow({counter: 1000}), slow({counter: 1000 + grows}))
    assert said(verdicts["GPU-a"]) == expected


@pytest.mark.parametrize(
    ("grows", "expected"),
    [
        ({"nvlink_flit_errors": 5_000}, "links_clean"),
        ({"nvlink_flit_errors": 5_000, "nvlink_data_errors": 1_000}, "link_crc_errors critical"),
        ({"nvlink_replays": 1}, "link_retries warning"),
        ({"nvlink_recoveries": 1}, "link_retries warning"),
    ],
)
def test_nvlink_errors(grows: dict[str, int], expected: str) -> None:
    names = ("nvlink_flit_errors", "nvlink_data_errors", "nvlink_replays", "nvlink_recoveries")
    before = dict.fromkeys(names, 7)
    now = {name: 7 + grows.get(name, 0) for name in names}
    assert said(judged(gpu_nvlink_errors, slow(before), slow(now))["GPU-a"]) == expected


def test_links_are_compared_with_those_of_the_other_gpus() -> None:
    reading = slow(*({"uuid": f"GPU-{up}", "nvlinks": 18, "nvlinks_active": up} for up in (18, 17)))
    verdicts = judged(gpu_nvlink_down, reading)
    assert [said(verdict) for verdict in verdicts.values()] == ["links_up", "links_down critical"]
    assert said(judged(gpu_nvlink_down, slow({"nvlinks": 18, "nvlinks_active": 0}))["GPU-a"]) == "links_up"
    assert said(judged(gpu_nvlink_down, slow({"nvlinks_active": 17}), links=18)["GPU-a"]) == "links_down critical"


@pytest.mark.parametrize(
    ("odd", "expected"),
    [
        ({"mig": 1, "mig_pending": 1}, "mig_differs warning"),
        ({"mig_pending": 1}, "mig_pending warning"),
        ({"ecc_mode": 0}, "ecc_differs warning"),
        ({"power_limit_mw": 500_000}, "power_limit_differs warning"),
        ({"model": "NVIDIA A100"}, "model_differs warning"),
        ({}, "modes_alike"),
    ],
)
def test_the_odd_one_out_is_named(odd: dict[str, Any], expected: str) -> None:
    usual = {"mig": 0, "mig_pending": 0, "ecc_mode": 1, "power_limit_mw": 700_000, "model": "NVIDIA H100"}
    gpus = [usual | {"uuid": f"GPU-{number}"} for number in range(8)]
    gpus[3] |= odd
    verdicts = judged(gpu_modes_mixed, slow(*gpus))
    assert said(verdicts["GPU-3"]) == expected
    assert {said(verdict) for name, verdict in verdicts.items() if name != "GPU-3"} == {"modes_alike"}


def test_what_is_meant_to_differ_may() -> None:
    reading = slow({"mig": 0}, {"mig": 0, "uuid": "GPU-b"}, {"mig": 1, "uuid": "GPU-c"})
    assert said(judged(gpu_modes_mixed, reading, may_differ=("mig",))["GPU-c"]) == "modes_alike"


@pytest.mark.parametrize(
    ("trouble", "expected"),
    [
        (Trouble.NONE, "driver_answers"),
        (Trouble.VERSION_MISMATCH, "version_mismatch critical"),
        (Trouble.DRIVER_NOT_LOADED, "driver_not_loaded critical"),
        (Trouble.LIBRARY_MISSING, "library_missing critical"),
        (Trouble.NO_PERMISSION, "no_permission critical"),
        (Trouble.NO_ANSWER, "driver_failed critical"),
        (Trouble.RELEASED, "released info"),
    ],
)
def test_the_driver(trouble: Trouble, expected: str) -> None:
    assert said(judged(gpu_driver, fast(trouble=trouble))) == expected


def test_a_driver_that_fails_makes_no_gpu_lost() -> None:
    gpus = [{"trouble": Trouble.NO_ANSWER}, {"uuid": "GPU-gone", "trouble": Trouble.MISSING}]
    verdicts = judged(gpu_lost, fast(*gpus, trouble=Trouble.NO_ANSWER))
    assert [verdict.status for verdict in verdicts.values()] == [Status.UNKNOWN, Status.TRUE]


def test_a_gpu_that_does_not_answer_once_is_unknown_and_twice_is_lost() -> None:
    silent_, well = fast({"trouble": Trouble.NO_ANSWER}), fast({})
    assert said(judged(gpu_lost, well, silent_)["GPU-a"]) == "gpu_silent warning"
    assert judged(gpu_lost, well, silent_)["GPU-a"].status is Status.UNKNOWN
    assert said(judged(gpu_lost, silent_, silent_)["GPU-a"]) == "gpu_no_answer critical"
    assert said(judged(gpu_lost, silent_, well)["GPU-a"]) == "gpu_present"
    assert said(judged(gpu_lost, well, fast({"trouble": Trouble.LOST}))["GPU-a"]) == "gpu_fell_off_bus critical"


@pytest.mark.parametrize(
    ("link", "most"),
    [
        ({"pcie_generation": 1, "pcie_width": 16}, 3),
        ({"pcie_generation": 3, "pcie_width": 16}, 8),
        ({"pcie_generation": 3, "pcie_width": 8}, 4),
        ({"pcie_generation": 4, "pcie_width": 16}, 16),
        ({"pcie_generation": 5, "pcie_width": 16}, 31),
        ({"pcie_generation": 6, "pcie_width": 16}, 62),
        ({"pcie_generation": 9, "pcie_width": 16}, 62),  # newer than those known
        ({"pcie_generation": 5}, 31),
        ({"pcie_width": 16}, 8),
    ],
)
def test_pcie_replays_are_judged_by_the_link(link: dict[str, int], most: int) -> None:
    looks = [slow(link | {"pcie_replays": count}) for count in (0, most, 2 * most + 1)]
    assert said(judged(gpu_pcie_replays, *looks[:2])["GPU-a"]) == "replays_few"
    many = judged(gpu_pcie_replays, *looks[1:])["GPU-a"]
    assert said(many) == "replays_many warning"
    assert many.message.endswith(f"limit {most}")
    assert said(judged(gpu_pcie_replays, *looks[1:], per_minute=100)["GPU-a"]) == "replays_few"


def test_a_link_that_saves_power_now_was_faster_before() -> None:
    before, now = slow({"pcie_generation": 5, "pcie_replays": 0}), slow({"pcie_generation": 1, "pcie_replays": 31})
    assert said(judged(gpu_pcie_replays, before, now)["GPU-a"]) == "replays_few"


@pytest.mark.parametrize(
    ("trouble", "hides"),
    [
        (Trouble.RELEASED, Severity.INFO),
        (Trouble.LIBRARY_MISSING, Severity.INFO),
        (Trouble.NO_PERMISSION, Severity.INFO),
        (Trouble.NO_ANSWER, Severity.CRITICAL),
        (Trouble.LOST, Severity.CRITICAL),
    ],
)
def test_what_may_hide_behind_a_silent_gpu(trouble: Trouble, hides: Severity) -> None:
    assert judged(gpu_ecc_uncorrected, fast({"trouble": trouble}))["GPU-a"].hides is hides


def test_a_missing_gpu_tells_how_to_accept_it() -> None:
    verdict = judged(gpu_lost, fast({"trouble": Trouble.MISSING}))["GPU-a"]
    assert "gpus-seen.json" in verdict.suggested_action


def test_only_a_person_clears_a_failed_remap() -> None:
    assert gpu_row_remap_failed.CLEARS is Clears.PERSON


@pytest.mark.parametrize("check", [each for each in [*FAST, *SLOW] if each not in (gpu_driver, gpu_lost)])
@pytest.mark.parametrize("trouble", [Trouble.RELEASED, Trouble.LOST, Trouble.MISSING])
def test_a_silent_gpu_is_unknown_and_a_missing_one_left_out(check: ModuleType, trouble: Trouble) -> None:
    make: Any = fast if check in FAST else slow
    reading = make({"trouble": trouble}, {"uuid": "GPU-b"})
    verdict = judged(check, *[reading] * check.WINDOW).get("GPU-a")
    expected = {Trouble.RELEASED: "released warning", Trouble.LOST: "gpu_silent warning", Trouble.MISSING: None}
    assert said(verdict) == expected[trouble]
    assert verdict is None or verdict.status is Status.UNKNOWN


@pytest.mark.parametrize("check", PAIRS)
def test_a_gpu_seen_once_is_unknown(check: ModuleType) -> None:
    assert judged(check, slow(), slow({"pcie_replays": 5}))["GPU-a"].status is Status.UNKNOWN


READINGS = {
    "gpu_nvml": st.from_type(gpu_nvml.Reading),
    "gpu_nvml_health": st.from_type(gpu_nvml_health.Reading),
}


@pytest.mark.parametrize("check", [*FAST, *SLOW], ids=lambda check: check.TYPE)
@given(data=st.data())
def test_no_reading_makes_a_check_raise(check: ModuleType, data: st.DataObject) -> None:
    sensor = check.READS if isinstance(check.READS, str) else check.READS[0]  # test_gpu_amd.py has the others
    window = [Timed(at, data.draw(READINGS[sensor])) for at in data.draw(times(check.WINDOW))]
    verdicts = check.judge(window, check.Thresholds())
    for verdict in [verdicts] if isinstance(verdicts, Verdict) else verdicts.values():
        assert verdict.message
        assert verdict.status is not Status.TRUE or verdict.suggested_action
        assert verdict.severity in Severity


def times(count: int) -> st.SearchStrategy[list[float]]:
    return st.lists(st.floats(0, 1e9), min_size=count, max_size=count)
