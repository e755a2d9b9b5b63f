"""Command line and environment of the workers. Pure."""

import os

from agent.workers.shim.records import Spec

PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
RANK_NAMES = (
    "RANK",
    "LOCAL_RANK",
    "WORLD_SIZE",
    "LOCAL_WORLD_SIZE",
    "GROUP_RANK",
    "MASTER_ADDR",
    "MASTER_PORT",
)


def command(spec: Spec) -> list[str]:
    """torchrun's, or a worker's own."""
    if spec.launcher == "direct":
        return [spec.interpreter, spec.script, *spec.args]
    return [
        spec.interpreter,
        "-m",
        "torch.distributed.run",
        f"--nnodes={spec.nodes}",
        f"--node-rank={spec.node_rank}",
        f"--nproc-per-node={spec.workers_per_node}",
        "--rdzv-backend=static",
        f"--rdzv-id={spec.attempt_id}",  # prefixes every key in the store: another attempt's store says nothing
        f"--master-addr={spec.master_address}",
        f"--master-port={spec.master_port}",
        "--max-restarts=0",
        spec.script,
        *spec.args,
    ]


def environment(spec: Spec, local_rank: int | None) -> dict[str, str]:
    """A clean base, then the job's own, then what the job cannot override. ``local_rank`` None: of torchrun."""
    merged = {
        "PATH": PATH,
        "HOME": spec.home,
        "USER": spec.user,
        "LOGNAME": spec.user,
        "LANG": "C.UTF-8",
        "OMP_NUM_THREADS": "1",
    }
    merged |= {name: value for name, value in spec.environment.items() if not _is_ours(name)}
    merged["PYTHONPATH"] = os.pathsep.join(filter(None, (spec.pythonpath, spec.environment.get("PYTHONPATH", ""))))
    if of_nvidia := [name for name in spec.accelerators if name.startswith(("GPU-", "MIG-"))]:
        merged["CUDA_VISIBLE_DEVICES"] = ",".join(of_nvidia)
    merged |= _mainstay(spec)
    if local_rank is not None:
        merged |= _rank(spec, local_rank)
    return merged


def _is_ours(name: str) -> bool:
    return name.startswith("MAINSTAY_") or name in RANK_NAMES


def _mainstay(spec: Spec) -> dict[str, str]:
    names = {
        "MAINSTAY_JOB": spec.job,
        "MAINSTAY_ATTEMPT": str(spec.attempt),
        "MAINSTAY_NODE": spec.node,
        "MAINSTAY_SHIM": spec.shim,
        "MAINSTAY_WORKER_DIR": spec.worker_dir,
        "MAINSTAY_CHECKPOINT_DIR": spec.checkpoint_dir,
        "MAINSTAY_RESUME_FROM": spec.resume_from,
        "MAINSTAY_RESUME_STEP": "" if spec.resume_step is None else str(spec.resume_step),
    }
    return {name: value for name, value in names.items() if value}


def _rank(spec: Spec, local_rank: int) -> dict[str, str]:
    return {
        "RANK": str(spec.ranks[local_rank]),
        "LOCAL_RANK": str(local_rank),
        "WORLD_SIZE": str(spec.nodes * spec.workers_per_node),
        "LOCAL_WORLD_SIZE": str(spec.workers_per_node),
        "GROUP_RANK": str(spec.node_rank),
        "MASTER_ADDR": spec.master_address,
        "MASTER_PORT": str(spec.master_port),
    }
