"""Stand-ins for CUDA, so that PyPI's torch, which is linked against it, runs on a machine that has none.

    cuda_stubs.py SITE_PACKAGES

PyPI carries torch only with CUDA. Its CPU parts work once the dynamic linker finds every library and symbol that they
name, so this makes them. Each function of the CUDA runtime answers "no device", and torch.cuda.is_available() is False.
libtorch_cuda (470 MB) is replaced as well: torch binds its classes to Python when it is imported, and never calls them on
a machine without a device. Does nothing where torch is the CPU build. Needs readelf, nm, as and ld, on x86-64.
"""

import collections
import pathlib
import re
import subprocess
import sys
import tempfile

REPLACED = "libtorch_cuda.so"
DROPPED = (
    "libtorch_cuda_linalg.so",
    "libtorch_nvshmem.so",
    "libcaffe2_nvrtc.so",
)  # opened on demand, by CUDA code alone
DATA = frozenset("BDRVGS")  # nm's letters of defined data
FLAT = re.compile(r"(cu|nccl|nv)[a-zA-Z]+[A-Z]")  # CUDA's C functions; some carry no version that tells their library
CONSTRUCTOR = re.compile(r"C[12]E")
TYPE = "_ZTI"
SYSTEM = ("/usr/lib", "/lib", "/lib64")

# What the functions do. A reference or a pointer finds zeroed memory, whose address ends in zeroes: a bool reads false.
NO_DEVICE = "mov $100, %eax\nret"  # cudaErrorNoDevice
NOTHING = "nothing: lea scratch(%rip), %rax\nret"
CONSTRUCTED = "lea table+16(%rip), %rax\nmov %rax, (%rdi)\nret"  # the object's virtual functions do nothing


def tool(*command: str | pathlib.Path) -> str:
    """Return what a program of binutils prints."""
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def needed(library: pathlib.Path) -> set[str]:
    """Return the names of the libraries that `library` links against."""
    return set(re.findall(r"\(NEEDED\).*\[(.+)\]", tool("readelf", "--dynamic", "--wide", library)))


def versions(library: pathlib.Path) -> dict[str, str]:
    """Return, for each symbol version that `library` asks for, the library it expects it in."""
    found: dict[str, str] = {}
    file = ""
    for line in tool("readelf", "--version-info", "--wide", library).splitlines():
        if match := re.search(r"File: (\S+)", line):
            file = match[1]
        elif file and (match := re.search(r"Name: (\S+)\s+Flags", line)):
            found[match[1]] = file
    return found


def defined(library: pathlib.Path) -> dict[str, str]:
    """Return the symbols that `library` defines, each with nm's letter for its kind."""
    lines = [line.split() for line in tool("nm", "--dynamic", "--defined-only", library).splitlines()]
    return {name.partition("@")[0]: kind.upper() for _, kind, name in lines}


def undefined(library: pathlib.Path) -> set[tuple[str, str]]:
    """Return the symbols that `library` must find elsewhere, each with its version or the empty string."""
    lines = [line.split() for line in tool("nm", "--dynamic", "--undefined-only", library).splitlines()]
    parts = [name.partition("@") for kind, name in lines if kind == "U"]
    return {(name, version.lstrip("@")) for name, _, version in parts}


def system_library(name: str) -> pathlib.Path | None:
    """Return the library `name` of the system, where it has one."""
    folders = [folder for root in SYSTEM for folder in (*pathlib.Path(root).glob("*-linux-gnu"), pathlib.Path(root))]
    return next((folder / name for folder in folders if (folder / name).is_file()), None)


def labels(names: list[str], kind: str) -> list[str]:
    """Return global labels for `names`, all at the same place."""
    return [f".globl {name}\n.type {name}, @{kind}\n{name}:" for name in names]


def type_information(label: str) -> str:
    """Return the run-time type of a C++ class: pybind11 hashes the name in it."""
    name = label.removeprefix(TYPE)
    return f'.balign 8\n{label}: .quad _ZTVN10__cxxabiv117__class_type_infoE + 16, 1f\n1: .string "{name}"'


def c_library(symbols: set[str]) -> list[str]:
    """Return the assembly of a library of C functions that find no device."""
    return [".text", *labels(sorted(symbols), "function"), NO_DEVICE]


def class_library(symbols: set[str], data: set[str]) -> list[str]:
    """Return the assembly of a library of C++ classes that do nothing; `data` are its symbols that are no functions."""
    types = sorted(name for name in symbols if name.startswith(TYPE))
    makers = sorted(name for name in symbols if CONSTRUCTOR.search(name))
    functions = sorted(symbols - data - {*types, *makers})
    objects = sorted(symbols & data - set(types))
    lines = [".text", *labels(functions, "function"), NOTHING, *labels(makers, "function"), CONSTRUCTED]
    lines += [".data", *(f".globl {name}\n{type_information(name)}" for name in types), type_information("type")]
    lines += [".balign 8", "table: .quad 0, type", ".rept 64", ".quad nothing", ".endr"]
    return [*lines, ".bss", ".balign 4096", *labels(objects, "object"), "scratch: .zero 4096"]


def write(path: pathlib.Path, lines: list[str], versioned: dict[str, set[str]]) -> None:
    """Assemble and link the stand-in `path`; `versioned` are its symbols by version, or by the empty string."""
    nodes = [
        f"{name} {{ global: {' '.join(f'{s};' for s in sorted(found))} }};" for name, found in versioned.items() if name
    ]
    with tempfile.TemporaryDirectory() as folder:
        source, script = pathlib.Path(folder, "stub.s"), pathlib.Path(folder, "stub.map")
        source.write_text("\n".join([*lines, '.section .note.GNU-stack, "", %progbits', ""]))
        script.write_text("\n".join(nodes))
        tool("as", source, "-o", source.with_suffix(".o"))
        use = ["--version-script", script] if nodes else []
        tool("ld", "-shared", "-soname", path.name, *use, source.with_suffix(".o"), "-o", path)


def main(site: pathlib.Path) -> None:
    """Replace what only CUDA code needs, and make what the rest names and nothing provides."""
    folder = site / "torch/lib"
    if not (folder / REPLACED).exists():
        return
    replaced: dict[str, str] = {}
    for library in (folder / name for name in (REPLACED, *DROPPED) if (folder / name).exists()):
        replaced |= defined(library)
        library.unlink()
    kept = sorted(folder.glob("*.so*"))
    missing = set().union(*(needed(library) for library in kept)) - {library.name for library in kept}
    system = {name: path for name in missing if (path := system_library(name))}
    provided = set().union(*(defined(library) for library in (*kept, *system.values())))
    homes = {version: file for library in kept for version, file in versions(library).items()}
    wanted: dict[str, dict[str, set[str]]] = collections.defaultdict(lambda: collections.defaultdict(set))
    for name, version in set().union(*(undefined(library) for library in kept)):
        if name not in provided and (version in homes or name in replaced or FLAT.match(name)):
            wanted[homes.get(version, REPLACED)][version].add(name)
    data = {name for name, kind in replaced.items() if kind in DATA}
    for name in sorted(missing - set(system)):
        symbols = set().union(*wanted[name].values())
        write(folder / name, class_library(symbols, data) if name == REPLACED else c_library(symbols), wanted[name])
        sys.stdout.write(f"{name}: {len(symbols)} symbols\n")


if __name__ == "__main__":
    main(pathlib.Path(sys.argv[1]))
