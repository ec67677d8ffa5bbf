"""`python -m vllm_operator.fetch.locate IMAGE LINK`: make LINK point to the directory of the mounted image that holds a model.

Catalogues of model images put the weights at the image's root or into /models. The last words go to FETCH_RESULT, as the
fetcher's do.
"""

import json
import os
import pathlib
import sys

RESULT = "/dev/termination-log"
CANDIDATES = (".", "models")
CONFIGURATION = ("config.json", "params.json")
"""What vLLM reads first of a model: the hub's format, or Mistral's own."""


def main(image: str, link: str) -> int:
    """Make the link; return the exit status."""
    found = located(pathlib.Path(image))
    if found is None:
        _say(
            "SourceNotFound", "the image holds no config.json at / or /models: name the directory, oci://image:tag/path"
        )
        return 1
    target = pathlib.Path(link)
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        target.unlink(missing_ok=True)  # of a run before
        target.symlink_to(found)
    except OSError as error:
        _say("VolumeNotWritable", f"{link} cannot be made: {error.strerror}")
        return 1
    return 0


def located(image: pathlib.Path) -> pathlib.Path | None:
    """Return the directory that holds a model; None where none does."""
    places = (image / name for name in CANDIDATES)
    return next((place for place in places if any((place / name).is_file() for name in CONFIGURATION)), None)


def _say(reason: str, message: str) -> None:
    line = json.dumps({"reason": reason, "message": message})
    print(line, flush=True)  # noqa: T201 - the container's log
    pathlib.Path(os.environ.get("FETCH_RESULT", RESULT)).write_text(f"{line}\n")


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
