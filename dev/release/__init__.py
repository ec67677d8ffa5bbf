"""What a release is and how it is made: versions, the resource's changes, images, chart, signatures, registries."""
