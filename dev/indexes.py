"""What this machine's package indexes and mirrors are, as an image build needs them.

Reads the environment and the usual files of pip, uv and apt. Everything it finds travels into a build as a secret or as
an argument that stays out of the image; nothing of it is ever written into the work tree.
"""

import configparser
import os
import pathlib
import re
import shlex
import tomllib
from collections.abc import Mapping, Sequence

from dev import paths

PROXIES = ("http_proxy", "https_proxy", "no_proxy", "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY")
CARRIED = (
    "UV_DEFAULT_INDEX",
    "UV_INDEX",
    "UV_HTTP_TIMEOUT",
    "PIP_INDEX_URL",
    "PIP_EXTRA_INDEX_URL",
    "PIP_TRUSTED_HOST",
)
CA_INSIDE = "/run/secrets/ca"
SYSTEM_CA = "/etc/ssl/certs/ca-certificates.crt"
PUBLIC_DEBIAN = "deb.debian.org"
OF_THE_IMAGES = "bookworm"
RELEASE = re.compile(r"^VERSION_CODENAME=(bookworm|trixie)$", re.MULTILINE)
DEBIANS_KEYS = re.compile(
    r"^Signed-By: \S*debian-archive-keyring\S*\n|\[signed-by=\S*debian-archive-keyring\S*\] ", re.MULTILINE
)
"""Where Debian 13 keeps the keys that Debian 12 has elsewhere, and trusts without being told."""


def settings(environ: Mapping[str, str] | None = None) -> str:
    """Return a shell file that exports this machine's Python index settings; empty where there are none."""
    env = os.environ if environ is None else environ
    found = _pip_settings(env) | _uv_settings(env) | {name: env[name] for name in CARRIED if env.get(name)}
    if "PIP_INDEX_URL" in found:
        found.setdefault("UV_DEFAULT_INDEX", found["PIP_INDEX_URL"])
    if certificates(env):
        found |= dict.fromkeys(("SSL_CERT_FILE", "PIP_CERT", "REQUESTS_CA_BUNDLE"), CA_INSIDE)
    return "".join(f"export {name}={shlex.quote(value)}\n" for name, value in sorted(found.items()))


def certificates(environ: Mapping[str, str] | None = None) -> pathlib.Path | None:
    """Return the machine's bundle of certificate authorities, which may hold its own beside the public ones."""
    env = os.environ if environ is None else environ
    for candidate in (env.get("SSL_CERT_FILE"), env.get("PIP_CERT"), SYSTEM_CA):
        if candidate and pathlib.Path(candidate).is_file():
            return pathlib.Path(candidate)
    return None


def proxies(environ: Mapping[str, str] | None = None) -> dict[str, str]:
    """Return the proxy variables that are set: every engine knows them as build arguments that are not kept."""
    env = os.environ if environ is None else environ
    return {name: env[name] for name in PROXIES if env.get(name)}


def direct(targets: Sequence[str], environ: Mapping[str, str] | None = None) -> dict[str, str]:
    """Return the variables that keep `targets` (hosts, addresses, networks) off this machine's proxy; none where it has none."""
    env = os.environ if environ is None else environ
    if not any(env.get(name) for name in PROXIES if "no_" not in name.lower()):
        return {}
    before = env.get("no_proxy") or env.get("NO_PROXY") or ""
    listed = [entry for entry in before.split(",") if entry]
    missing = [target for target in targets if target not in listed]
    return dict.fromkeys(("no_proxy", "NO_PROXY"), ",".join([*listed, *missing]))


def debian_sources(
    etc: pathlib.Path = pathlib.Path("/etc"), copies: pathlib.Path = paths.CACHE / "apt"
) -> list[pathlib.Path]:
    """Return this machine's own apt sources where it is a Debian 12 or 13 that uses a mirror, else nothing.

    The images are of Debian 12: of a Debian 13, `copies` holds what names the same mirror's Debian 12.
    """
    release = etc / "os-release"
    found = RELEASE.search(release.read_text()) if release.is_file() else None
    files = _apt_files(etc) if found else []
    if not found or any(PUBLIC_DEBIAN in file.read_text() for file in files):
        return []
    return files if found[1] == OF_THE_IMAGES else [_translated(file, found[1], copies) for file in files]


def _apt_files(etc: pathlib.Path) -> list[pathlib.Path]:
    folder = etc / "apt/sources.list.d"
    files = [etc / "apt/sources.list", *sorted(folder.glob("*.list")), *sorted(folder.glob("*.sources"))]
    return [file for file in files if file.is_file()]


def _translated(file: pathlib.Path, codename: str, copies: pathlib.Path) -> pathlib.Path:
    copies.mkdir(parents=True, exist_ok=True)
    copy = copies / file.name
    copy.write_text(DEBIANS_KEYS.sub("", file.read_text()).replace(codename, OF_THE_IMAGES))
    return copy


def _pip_settings(env: Mapping[str, str]) -> dict[str, str]:
    home = pathlib.Path(env.get("HOME", "/root"))
    parser = configparser.ConfigParser(interpolation=None)
    named = [pathlib.Path(env["PIP_CONFIG_FILE"])] if env.get("PIP_CONFIG_FILE") else []
    parser.read([pathlib.Path("/etc/pip.conf"), home / ".pip/pip.conf", home / ".config/pip/pip.conf", *named])
    names = {"index-url": "PIP_INDEX_URL", "extra-index-url": "PIP_EXTRA_INDEX_URL", "trusted-host": "PIP_TRUSTED_HOST"}
    found = {names[key]: value for key, value in _section(parser, "global").items() if key in names}
    return {name: " ".join(value.split()) for name, value in found.items()}


def _section(parser: configparser.ConfigParser, name: str) -> dict[str, str]:
    return dict(parser[name]) if parser.has_section(name) else {}


def _uv_settings(env: Mapping[str, str]) -> dict[str, str]:
    home = pathlib.Path(env.get("HOME", "/root"))
    named = env.get("UV_CONFIG_FILE")
    for file in [pathlib.Path(named)] if named else [home / ".config/uv/uv.toml", pathlib.Path("/etc/uv/uv.toml")]:
        if file.is_file():
            return _uv_indexes(tomllib.loads(file.read_text()))
    return {}


def _uv_indexes(config: Mapping[str, object]) -> dict[str, str]:
    indexes = config.get("index")
    listed = [index for index in indexes if isinstance(index, dict)] if isinstance(indexes, list) else []
    default = next((index["url"] for index in listed if index.get("default")), config.get("index-url"))
    others = [str(index["url"]) for index in listed if not index.get("default")]
    found = {"UV_DEFAULT_INDEX": str(default)} if default else {}
    return found | ({"UV_INDEX": " ".join(others)} if others else {})
