"""The demo's files: they are what the daemons and the command line read."""

import os
import tomllib

import pytest

from cli import job_file
from cli.demo import keep, layout, work
from cli.demo.account import choose
from cli.demo.cluster import Cluster, stop_kept
from cli.demo.layout import NODES
from cli.errors import Invalid, NotFound
from cli.toml import encode


@pytest.fixture
def place(tmp_path):
    return layout.make(tmp_path / "demo")


def test_the_job_file_is_valid_and_its_script_is_there(place):
    work.install(place, choose({}))
    spec = job_file.read(place.job_file)
    assert (spec.nodes, spec.script, spec.checkpoint.dir) == (3, str(place.script), str(place.checkpoints))
    assert place.script.read_bytes() == layout.example().read_bytes()
    assert os.stat(place.script).st_mode & 0o777 == 0o644


def test_configurations_are_what_the_daemons_accept(place):
    from agent import config as agent_config
    from controller import config as controller_config

    cluster = Cluster(place, choose({}))
    cluster.api = "127.0.0.1:7400"
    place.controller_config.write_text(encode(cluster._controller(7401)))
    assert controller_config.load(place.controller_config).database_url.endswith(str(place.database))
    for node, address in NODES.items():
        place.node_config(node).write_text(encode(cluster._agent(node)))
        assert agent_config.load(place.node_config(node)).address == address


def test_a_directory_in_use_is_refused(tmp_path):
    (tmp_path / "mine").touch()
    with pytest.raises(Invalid, match="not empty"):
        layout.make(tmp_path)


def test_only_a_demos_directory_is_removed(place, tmp_path):
    with pytest.raises(NotFound):
        stop_kept(tmp_path)
    assert stop_kept(place.root) == 0
    assert not place.root.exists()


def test_a_kept_cluster_is_remembered_until_it_is_stopped(tmp_path):
    with pytest.raises(NotFound):
        keep.remembered(tmp_path)
    keep.remember(tmp_path / "demo", tmp_path)
    assert keep.remembered(tmp_path) == tmp_path / "demo"
    keep.forget(tmp_path / "other", tmp_path)
    keep.forget(tmp_path / "demo", tmp_path)
    with pytest.raises(NotFound):
        keep.remembered(tmp_path)


def test_the_environment_is_one_line_for_a_shell():
    assert keep.exports({"A": "x", "B": "y z"}) == "export A=x B='y z'"


def test_toml_reads_back_as_it_was():
    values = {"text": 'a "b" \\ ü\n', "list": ["x"], "number": 1.5, "table": {"k": "v"}, "a.b": {"c": 1}}
    expected = {key: value for key, value in values.items() if key != "a.b"} | {"a": {"b": {"c": 1}}}
    assert tomllib.loads(encode(values)) == expected


@pytest.mark.skipif(os.geteuid() != 0, reason="only root chooses")
def test_workers_of_root_run_as_the_one_who_called_sudo_or_as_nobody():
    assert choose({}).name == "nobody"
    assert choose({"SUDO_USER": "root"}).name == "nobody"
    assert choose({"SUDO_USER": "daemon"}).name == "daemon"
