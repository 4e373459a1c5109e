"""What workers may use by default."""

from __future__ import annotations

import math
import os
import subprocess
import sys
import uuid
from pathlib import Path

import pytest

from jointopt.evaluation.limits import cgroup_limit


def laid_out(folder, membership, files):
    (folder / "cgroup").write_text(membership)
    for name, text in files.items():
        path = folder / "fs" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return cgroup_limit(folder / "cgroup", folder / "fs")


V1 = "9:name=systemd:/\n4:cpu,memory:/job/7\n0::/\n"
HUGE = "9223372036854771712\n"


@pytest.mark.parametrize(
    ("membership", "files", "limit"),
    [
        ("0::/job/7\n", {"job/7/memory.max": "4000000000\n"}, 4e9),
        ("0::/job/7\n", {"job/7/memory.max": "max\n", "job/memory.max": "3000000000\n"}, 3e9),
        ("0::/elsewhere\n", {"memory.max": "2500000000\n"}, 2.5e9),
        ("0::/job/7\n", {"job/7/memory.max": "max\n"}, math.inf),
        (V1, {"memory/job/7/memory.limit_in_bytes": "5000000000\n"}, 5e9),
        (V1, {"memory/job/7/memory.limit_in_bytes": HUGE}, float(HUGE)),
        (V1, {"memory/memory.limit_in_bytes": "1500000000\n"}, 1.5e9),
        ("", {"memory.max": "4000000000\n"}, math.inf),
    ],
)
def test_limits_of_both_versions_and_of_groups_above_are_kept(membership, files, limit, tmp_path):
    assert laid_out(tmp_path, membership, files) == limit


def test_a_system_without_groups_has_no_limit(tmp_path):
    assert cgroup_limit(tmp_path / "none", tmp_path) == math.inf


def own_group():
    """Return the folder in which a group of this process's own can be made, None if none can."""
    for line in Path("/proc/self/cgroup").read_text().splitlines():
        _, controllers, path = line.split(":", 2)
        place = Path("/sys/fs/cgroup", "memory" if controllers else "")
        if controllers in ("", "memory"):
            group = place / path.lstrip("/")
            name = "memory.limit_in_bytes" if controllers else "memory.max"
            if (group / name).exists() and os.access(group, os.W_OK):
                return group, name
    return None


def test_a_real_group_is_read():
    if not Path("/proc/self/cgroup").exists() or (found := own_group()) is None:
        pytest.skip("no control group of memory can be made here")
    parent, name = found
    group = parent / f"jointopt-{uuid.uuid4().hex[:8]}"
    try:
        group.mkdir()
        (group / name).write_text(str(3 * 2**30))
    except OSError as error:
        pytest.skip(f"no control group of memory can be made here: {error}")
    code = (
        "import os, pathlib, sys\n"
        f"pathlib.Path({str(group / 'cgroup.procs')!r}).write_text(str(os.getpid()))\n"
        "from jointopt.evaluation.limits import default_memory\n"
        "print(default_memory(1))\n"
    )
    try:
        done = subprocess.run(
            [sys.executable, "-c", code], capture_output=True, text=True, check=True
        )
        assert int(done.stdout) == int(0.8 * 3 * 2**30)
    finally:
        group.rmdir()
