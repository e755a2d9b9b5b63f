"""The first process of a part's scope, root for a moment: ``python -I -S enter.py UID GID PART_DIR SPEC``.

Delegates the scope's control group to the shim's user, then becomes the shim with the few capabilities it needs.
Standard library only.
"""

import os
import sys
from pathlib import Path
from typing import NoReturn

CAPABILITIES = "-all,+setuid,+setgid,+kill"
DELEGATED = ("", "cgroup.procs", "cgroup.subtree_control", "cgroup.threads")


def main(uid: int, gid: int, part_dir: str, spec: str) -> NoReturn:
    from agent.workers.shim import group

    own = group.own_path()
    if own is not None and os.path.basename(own).startswith(group.SCOPE_PREFIX):
        for name in DELEGATED:
            os.chown(os.path.join(own, name), uid, gid)
    shim = Path(group.__file__).with_name("__main__.py")
    os.execvp(  # noqa: S606 - there is no shell on purpose
        "setpriv",
        [
            "setpriv", f"--reuid={uid}", f"--regid={gid}", "--init-groups",
            f"--bounding-set={CAPABILITIES}", f"--inh-caps={CAPABILITIES}", f"--ambient-caps={CAPABILITIES}",
            "--", sys.executable, "-I", "-S", str(shim), part_dir, spec,
        ],
    )  # fmt: skip


if __name__ == "__main__":
    sys.path.append(str(Path(__file__).resolve().parents[2]))  # where the package `agent` lies, however installed
    main(int(sys.argv[1]), int(sys.argv[2]), sys.argv[3], sys.argv[4])
