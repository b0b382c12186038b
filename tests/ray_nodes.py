"""A real Ray cluster of two nodes on this machine; run as a program, so that what Ray leaves in a
process stays there: ``python ray_nodes.py FOLDER [token]``.

It prints its address, and on each line that it is sent kills the second node with SIGKILL.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

os.environ |= {"RAY_USAGE_STATS_ENABLED": "0", "RAY_AUTH_MODE": "disabled"}
if len(sys.argv) > 2:
    os.environ |= {"RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN": sys.argv[2]}
# Ray notes the cluster's address in a folder that it does not make where another is given it.
os.environ["RAY_TMPDIR"] = sys.argv[1]

from ray.cluster_utils import Cluster

STORE_BYTES = 100 << 20


def main() -> None:
    small = {"num_cpus": 1, "object_store_memory": STORE_BYTES, "include_dashboard": False}
    cluster = Cluster(initialize_head=True, head_node_args={**small, "temp_dir": sys.argv[1]})
    try:
        second = cluster.add_node(num_cpus=1, object_store_memory=STORE_BYTES)
        print(cluster.address, flush=True)
        for _ in sys.stdin:
            cluster.remove_node(second, allow_graceful=False)
            print("killed", flush=True)
    finally:
        cluster.shutdown()


if __name__ == "__main__":
    (Path(sys.argv[1]) / "ray").mkdir(parents=True, exist_ok=True)
    main()
