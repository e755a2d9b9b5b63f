"""A BMC by OpenIPMI's simulator (``ipmi_sim``), with a temperature, a fan and a power supply that a test sets.

Sensor records are those of the IPMI 2.0 specification, section 43.1 (full record) and 43.2 (compact record).
"""

import socket
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

TEMPERATURE, FAN, POWER_SUPPLY = 1, 4, 8  # sensor types
THRESHOLD, SPECIFIC = 0x01, 0x6F  # event codes
CELSIUS, RPM = 1, 18  # units
USER, PASSWORD = "mainstay", "simulated"
DEADLINE_S = 10.0

LAN = """name "simulated"
set_working_mc 0x20
  startlan 1
    addr 127.0.0.1 {port}
    priv_limit admin
    allowed_auths_callback none md2 md5 straight
    allowed_auths_user none md2 md5 straight
    allowed_auths_operator none md2 md5 straight
    allowed_auths_admin none md2 md5 straight
    guid a123456789abcdefa123456789abcdef
  endlan
  user 1 true "" "" user 10 none md2 md5 straight
  user 2 true "{user}" "{password}" admin 10 none md2 md5 straight
"""


@contextmanager
def simulated_bmc(directory: Path, celsius: int, rpm: int, supply: Sequence[int]) -> Iterator[list[str]]:
    """``CPU Temp`` (limits 80, 90, 100 degrees), ``FAN1`` (below 2000 and 1000 too slow), ``PS1 Status`` with the bits
    of ``supply`` set. Gives ipmitool's command to its end over the network, where a machine's own asks its driver."""
    directory.mkdir()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as free:
        free.bind(("127.0.0.1", 0))
        port = int(free.getsockname()[1])
    (directory / "lan.conf").write_text(LAN.format(port=port, user=USER, password=PASSWORD))
    (directory / "commands").write_text("\n".join(_commands(celsius, rpm, supply)) + "\n")
    state = directory / "state"
    state.mkdir()
    simulator = ["ipmi_sim", "-n", "-c", directory / "lan.conf", "-f", directory / "commands", "-s", state]
    null = subprocess.DEVNULL
    with subprocess.Popen(simulator, stdin=null, stdout=null, stderr=null) as process:
        command = ["ipmitool", "-I", "lanplus", "-H", "127.0.0.1", "-p", str(port), "-U", USER, "-P", PASSWORD]
        command += ["-C", "3", "-N", "1", "-R", "3"]  # no questions about ciphers; a lost datagram is soon sent again
        try:
            _until_it_answers(command)
            yield command
        finally:
            process.kill()


def _until_it_answers(command: list[str]) -> None:
    end = time.monotonic() + DEADLINE_S
    while subprocess.run([*command, "mc", "info"], capture_output=True, timeout=DEADLINE_S).returncode:
        assert time.monotonic() < end, "ipmi_sim does not answer"


def _commands(celsius: int, rpm: int, supply: Sequence[int]) -> Iterator[str]:
    yield "mc_setbmc 0x20"
    yield "mc_add 0x20 0 no-device-sdrs 0x23 9 8 0x9f 0x1291 0xf02"
    yield from _analog(1, "CPU Temp", TEMPERATURE, CELSIUS, 1, celsius, "111000", (100, 90, 80, 0, 0, 0))
    yield from _analog(2, "FAN1", FAN, RPM, 10, rpm // 10, "000011", (0, 0, 0, 0, 100, 200))
    yield f"sensor_add 0x20 0 3 {POWER_SUPPLY} {SPECIFIC}"
    yield "sensor_set_event_support 0x20 0 3 enable scanning per-state " + " ".join(["000000000001111"] * 4)
    yield from (f"sensor_set_bit 0x20 0 3 {bit} 1 0" for bit in supply)
    yield _record(_compact(3, "PS1 Status", POWER_SUPPLY, SPECIFIC))
    yield "mc_enable 0x20"


def _analog(
    number: int, name: str, type_: int, unit: int, factor: int, value: int, enabled: str, limits: Sequence[int]
) -> Iterator[str]:
    """``limits``: upper non-recoverable, critical and non-critical, then the lower ones; raw, as ``value``."""
    yield f"sensor_add 0x20 0 {number} {type_} {THRESHOLD}"
    yield f"sensor_set_threshold 0x20 0 {number} settable {enabled} {' '.join(map(str, limits))}"
    yield f"sensor_set_event_support 0x20 0 {number} enable scanning per-state " + " ".join(["000111111111111"] * 4)
    yield f"sensor_set_value 0x20 0 {number} {value} 0"
    readable = int(enabled, 2)
    body = [
        *_owner(number, type_, THRESHOLD), *(readable << 12 & 0xFF, 0, 0, 0, readable, readable),
        0, unit, 0, 0, factor, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xFF, 0, *limits, 0, 0, 0, 0, 0,
    ]  # fmt: skip
    yield _record(_with_header(1, number, [*body, *_name(name)]))


def _compact(number: int, name: str, type_: int, code: int) -> list[int]:
    body = [*_owner(number, type_, code), 0, 0, 0, 0, 0x0F, 0, 0xC0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, *_name(name)]
    return _with_header(2, number, body)


def _owner(number: int, type_: int, code: int) -> list[int]:
    return [0x20, 0, number, 7, number, 0x7F, 0x68, type_, code]


def _name(name: str) -> list[int]:
    return [0xC0 | len(name), *name.encode()]


def _with_header(kind: int, number: int, body: list[int]) -> list[int]:
    return [number, 0, 0x51, kind, len(body), *body]


def _record(data: list[int]) -> str:
    return "main_sdr_add 0x20 " + " ".join(f"0x{byte:02x}" for byte in data)
