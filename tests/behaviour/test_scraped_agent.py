"""The node's page, of a real agent beside eight simulated GPUs: by HTTP, to promtool and to Prometheus itself."""

import contextlib
import json
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
import yaml
from equipped import gpu_tables, restart, see_gpus
from fakes.nvml_fake import Nvml, can_build
from fakes.promql import families
from fakes.storage_servers import free_port
from harness import ProcessCluster, eventually, given_cluster
from prometheus_client.openmetrics.parser import text_string_to_metric_families as parse_openmetrics
from prometheus_client.parser import text_string_to_metric_families as parse_text

OPENMETRICS = {"Accept": "application/openmetrics-text;version=1.0.0"}
GRAFANA = Path(__file__).parents[2] / "grafana"
RULES = GRAFANA / "prometheus" / "mainstay-alerts.yml"
# of AMD's GPUs; of what has not happened: a fault, a condition, a sample too many, a job
NOT_HERE = (
    "gpu_",
    "mainstay_amd_",
    "mainstay_fault_",
    "mainstay_condition_",
    "mainstay_metrics_left_out",
    "mainstay_job",
    "mainstay_decisions",
)
QUICK = {"gpu_nvml": "every_s = 0.5\n", "gpu_nvml_health": "every_s = 0.5\n"}
Sample = tuple[str, dict[str, str], float]


class Scraped:
    """A node with GPUs whose page is shown."""

    def __init__(self, cluster: ProcessCluster, nvml: Nvml) -> None:
        self.cluster, self.node, self.nvml = cluster, cluster.nodes["n1"], nvml
        self.place = f"{self.node.address}:9105"
        self.url = f"http://{self.place}/metrics"

    def begin(self) -> None:
        """With the page, and the GPUs that the environment shows."""
        restart(self.node, f'[metrics]\nlisten = "{self.place}"\n{gpu_tables(self.nvml, **QUICK)}')
        eventually("the page shows the GPUs", lambda: self.samples("DCGM_FI_DEV_GPU_TEMP"), 60)

    def text(self, **headers: str) -> str:
        answer = httpx.get(self.url, headers=headers, timeout=10)
        assert answer.status_code == 200
        return answer.text

    def samples(self, name: str) -> list[Sample]:
        try:
            families = list(parse_text(self.text()))
        except httpx.TransportError:
            return []
        return [(it.name, it.labels, it.value) for family in families for it in family.samples if it.name == name]

    def value(self, name: str, **labels: str) -> float | None:
        found = [value for _, known, value in self.samples(name) if labels.items() <= known.items()]
        return found[0] if found else None


@pytest.fixture(scope="module")
def scraped(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scraped]:
    if not can_build():
        pytest.skip("no C compiler on this machine")
    nvml = Nvml.build(tmp_path_factory.mktemp("nvml"))
    with pytest.MonkeyPatch.context() as environment, given_cluster(["n1"]) as cluster:
        see_gpus(nvml, environment)
        made = Scraped(cluster, nvml)
        made.begin()
        yield made


def test_both_formats_say_the_same(scraped: Scraped) -> None:
    plain = {family.name for family in parse_text(scraped.text())}
    open_ = {family.name for family in parse_openmetrics(scraped.text(**OPENMETRICS))}
    assert plain == open_
    assert {"mainstay_condition", "node_load1", "DCGM_FI_DEV_POWER_USAGE", "mainstay_agent_build_info"} <= plain


def test_what_dashboards_and_alerts_ask_for_is_there(scraped: Scraped) -> None:
    pages = scraped.text() + scraped.cluster.http.get(f"https://{scraped.cluster.api}/metrics").text
    shown = {it.name for family in parse_text(pages) for it in family.samples} | {"up"}
    panels = [panel for path in GRAFANA.glob("dashboards/*.json") for panel in json.loads(path.read_text())["panels"]]
    asked = [target["expr"] for panel in panels for target in panel.get("targets", [])]
    asked += [rule["expr"] for group in yaml.safe_load(RULES.read_text())["groups"] for rule in group["rules"]]
    missing = {name for expr in asked for name in families(expr)} - shown
    assert {name for name in missing if not name.startswith(NOT_HERE)} == set()


@pytest.mark.skipif(shutil.which("promtool") is None, reason="no promtool on this machine")
def test_promtool_finds_nothing_to_say(scraped: Scraped) -> None:
    for text in (scraped.text(), scraped.cluster.http.get(f"https://{scraped.cluster.api}/metrics").text):
        told = subprocess.run(
            ["promtool", "check", "metrics"], input=text, capture_output=True, text=True, timeout=30, check=False
        )
        assert (told.returncode, told.stdout, told.stderr) == (0, "", "")


def test_a_gpu_that_gets_hot_shows(scraped: Scraped) -> None:
    scraped.nvml.gpu(3, temperature_c=97)
    eventually("GPU 3 is hot", lambda: scraped.value("DCGM_FI_DEV_GPU_TEMP", gpu="3") == 97, 20)
    hot = {"type": "GpuHot", "status": "true"}
    eventually("it is a condition", lambda: scraped.value("mainstay_condition", **hot), 40)
    assert scraped.value("mainstay_condition_components", type="GpuHot") == 1
    scraped.nvml.gpu(3, temperature_c=41)
    eventually("it is over", lambda: scraped.value("mainstay_condition", type="GpuHot", status="false"), 60)


def test_a_gpu_that_is_lost_is_gone_from_the_figures_and_there_as_a_condition(scraped: Scraped) -> None:
    scraped.nvml.lose(5)
    eventually("it is a condition", lambda: scraped.value("mainstay_condition", type="GpuLost", status="true"), 40)
    assert len(scraped.samples("DCGM_FI_DEV_GPU_TEMP")) == 7
    scraped.nvml.find(5)
    eventually("it is back", lambda: len(scraped.samples("DCGM_FI_DEV_GPU_TEMP")) == 8, 40)


def test_what_a_hanging_sensor_read_is_not_shown_for_long(scraped: Scraped) -> None:
    scraped.nvml.call("nvmlDeviceGetTemperature", hang=True)
    eventually("it hangs", lambda: scraped.value("mainstay_condition", type="ProbeHung", status="true"), 40)
    eventually("its figures are gone", lambda: scraped.value("DCGM_FI_DEV_GPU_TEMP") is None, 40)
    assert scraped.value("node_load1") is not None
    assert scraped.value("mainstay_sensor_last_reading_timestamp_seconds", sensor="gpu_nvml")
    scraped.nvml.answer("nvmlDeviceGetTemperature")
    eventually("they are back", lambda: scraped.value("DCGM_FI_DEV_GPU_TEMP", gpu="0"), 60)


def test_the_page_goes_on_without_a_controller(scraped: Scraped) -> None:
    scraped.cluster.kill_controller()
    eventually("the link is down", lambda: scraped.value("mainstay_link_up") == 0, 20)
    scraped.cluster.start_controller()
    eventually("the link is up", lambda: scraped.value("mainstay_link_up") == 1, 40)


@pytest.mark.skipif(shutil.which("prometheus") is None, reason="no Prometheus on this machine")
def test_prometheus_itself_takes_both_pages(scraped: Scraped, tmp_path: Path) -> None:
    with prometheus(scraped, tmp_path) as api:
        eventually("both are up", lambda: set(asked(api, "up")) == {"mainstay-agent", "mainstay-controller"}, 40)
        eventually("GPUs are known", lambda: asked(api, "count by (job) (DCGM_FI_DEV_GPU_TEMP)") == agents("8"), 20)
        counted = asked(api, "count by (job) (mainstay_prober_starts_total)")
        assert counted == agents("1")
        eventually("the rules can be asked", lambda: set(health_of_rules(api)) == {"ok"}, 30)


def health_of_rules(api: str) -> list[str]:
    groups = httpx.get(f"{api}/rules").json()["data"]["groups"]
    return [rule["health"] for group in groups for rule in group["rules"]]


def agents(value: str) -> dict[str, str]:
    return {"mainstay-agent": value}


def asked(api: str, query: str) -> dict[str, str]:
    """Value by job; what is 0 is left out."""
    try:
        found = httpx.get(f"{api}/query", params={"query": query}).json()["data"]["result"]
    except (httpx.TransportError, ValueError):
        return {}
    return {each["metric"].get("job", ""): each["value"][1] for each in found if each["value"][1] != "0"}


@contextlib.contextmanager
def prometheus(scraped: Scraped, place: Path) -> Iterator[str]:
    """One of our own, with the rules; gives the address of its API."""
    state = scraped.cluster.state
    configuration = {
        "global": {"scrape_interval": "1s", "evaluation_interval": "1s"},
        "rule_files": [str(RULES)],
        "scrape_configs": [
            {"job_name": "mainstay-agent", "static_configs": [{"targets": [scraped.place]}]},
            {
                "job_name": "mainstay-controller",
                "scheme": "https",
                "authorization": {"credentials_file": str(state / "admin.token")},
                "tls_config": {"ca_file": str(state / "ca" / "ca.pem")},
                "static_configs": [{"targets": [scraped.cluster.api]}],
            },
        ],
    }
    (place / "prometheus.yml").write_text(yaml.safe_dump(configuration))
    listen = f"127.0.0.1:{free_port()}"
    argv = ["prometheus", f"--config.file={place}/prometheus.yml", f"--storage.tsdb.path={place}/data"]
    with (place / "log").open("wb") as log:
        process = subprocess.Popen([*argv, f"--web.listen-address={listen}"], stdout=log, stderr=log)
    try:
        yield f"http://{listen}/api/v1"
    except BaseException:
        print((place / "log").read_text()[-3000:])
        raise
    finally:
        process.terminate()
        process.wait(timeout=20)
