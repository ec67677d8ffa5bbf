"""What a release is and how it is made.

make.py             the steps in their order: images, registry, chart, lists, sums, signatures
version.py          the version, wherever it stands, and the changelog's sections
crd_changes.py      how a CRD differs from an earlier one, and what of it a release may not do
compatibility.py    the CRD of the tree beside that of the last release
readiness.py        whether the tree is one that a published release is made from
chart.py            the chart with the images that were built in its values
artifacts.py        what lies in a registry: images under an index, the chart, digests
signing.py          keys and signatures
registry.py         a registry on loopback, for dry runs
verify.py           a release as its users get it
tools.py            crane, cosign and helm as commands
"""
