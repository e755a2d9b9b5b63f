from pathlib import Path

from bench.resume import job
from bench.resume.under_torchrun import command, environment
from cli.demo.layout import Layout


def test_the_knobs_the_comparison_names_and_no_others():
    argv = command("127.0.0.21", "127.0.0.21:5000", Layout(Path("/x")))

    options = argv[argv.index("torch.distributed.run") + 1 : argv.index("/x/job/bytes_lm.py")]
    assert sorted(options) == [
        "--local-addr=127.0.0.21",
        "--max-restarts=3",
        "--nnodes=1:2",
        "--nproc-per-node=1",
        "--rdzv-backend=c10d",
        "--rdzv-endpoint=127.0.0.21:5000",
        "--rdzv-id=bench-resume",
    ]
    assert argv[argv.index("/x/job/bytes_lm.py") + 1 :] == [*job.ARGUMENTS, "--checkpoint-dir", "/x/checkpoints"]


def test_no_stale_store_for_its_restarted_ranks():
    assert environment({"BENCH": "1"})["TORCH_DISABLE_SHARE_RDZV_TCP_STORE"] == "1"
    assert environment({"BENCH": "1"})["BENCH"] == "1"
