"""A whole cluster in one process tree, for machines without a container engine; whoever has docker or podman needs none of it.

cluster.py          the provider: up, down, healthy, images
node.py             the node's own process tree: kubelet, containerd, networks
components.py       command lines and configurations of etcd, the control plane and the node
control_plane.py    etcd and the control plane alone, without a node: what the integration tests run on
image_store.py      containerd's store, kept between clusters
cleanup.py          what a cluster leaves on the machine, and how it is taken back
"""
