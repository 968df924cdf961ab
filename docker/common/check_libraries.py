#!/usr/bin/env python3
"""Check that every shared library named by the installed packages is found.

A hole then shows while an image is built, not on the user's card. Runs on Python 3.5.
"""

import argparse
import fnmatch
import os
import re
import subprocess
import sys
import sysconfig
from collections import namedtuple

#: Brought by NVIDIA's driver, which the container runtime mounts.
DRIVER_LIBRARIES = frozenset(["libcuda.so.1", "libnvidia-ml.so.1"])

ELF_MAGIC = b"\x7fELF"
LIBRARY_NAME = re.compile(r"\.so(\.[0-9]+)*$")
LDD_LINE = re.compile(r"^\s*(?P<name>\S+) => (?P<path>not found|\S+)")

Hole = namedtuple("Hole", "package file library")
Excuse = namedtuple("Excuse", "file libraries reason")


def parse_excuse(text):
    """Read FILE:LIBRARY[,LIBRARY...]:REASON, FILE a glob relative to the packages' folder."""
    parts = [part.strip() for part in text.split(":", 2)]
    if len(parts) != 3 or not all(parts):
        raise argparse.ArgumentTypeError("expected FILE:LIBRARY,...:REASON, got %r" % text)
    return Excuse(parts[0], frozenset(parts[1].split(",")), parts[2])


def find_libraries(root):
    """Every ELF shared object under root, sorted."""
    found = []
    for folder, _, names in os.walk(root):
        for name in names:
            path = os.path.join(folder, name)
            if LIBRARY_NAME.search(name) and not os.path.islink(path) and is_elf(path):
                found.append(path)
    return sorted(found)


def is_elf(path):
    with open(path, "rb") as stream:
        return stream.read(len(ELF_MAGIC)) == ELF_MAGIC


def resolve(path):
    """Map each library that loading path needs, directly or not, to its path or to None."""
    process = subprocess.Popen(
        ["ldd", path], stdout=subprocess.PIPE, stderr=subprocess.PIPE, universal_newlines=True
    )
    output, errors = process.communicate()
    if process.returncode != 0:
        raise RuntimeError("ldd cannot read %s: %s" % (path, errors.strip() or output.strip()))
    needed = {}
    for line in output.splitlines():
        match = LDD_LINE.match(line)
        if match:
            target = match.group("path")
            needed[match.group("name")] = None if target == "not found" else target
    return needed


def owners(root):
    """Map each installed file to its distribution, from the RECORD files."""
    owned = {}
    for folder in os.listdir(root):
        record = os.path.join(root, folder, "RECORD")
        if folder.endswith(".dist-info") and os.path.exists(record):
            with open(record, encoding="utf-8") as stream:
                for line in stream:
                    name = line.split(",", 1)[0]
                    owned[os.path.normpath(os.path.join(root, name))] = folder[: -len(".dist-info")]
    return owned


def supplied_by_parent(path, library, resolved):
    """Whether a library that itself resolves fully loads path and finds the library for it.

    The search path (RPATH) of the first loaded object also serves those that it loads.
    """
    real = os.path.realpath(path)
    for parent, needed in resolved.items():
        if parent == path or not needed.get(library):
            continue
        holes = {name for name, target in needed.items() if target is None}
        loaded = {os.path.realpath(target) for target in needed.values() if target}
        if real in loaded and holes <= DRIVER_LIBRARIES:
            return True
    return False


def find_holes(root):
    """The libraries under root that name another one which is not found."""
    resolved = {path: resolve(path) for path in find_libraries(root)}
    owned = owners(root)
    holes = []
    for path in sorted(resolved):
        for library, target in sorted(resolved[path].items()):
            if target is not None or library in DRIVER_LIBRARIES:
                continue
            if not supplied_by_parent(path, library, resolved):
                relative = os.path.relpath(path, root)
                package = owned.get(os.path.normpath(path), relative.split(os.sep)[0])
                holes.append(Hole(package, relative, library))
    return holes, len(resolved)


def excuse_for(hole, excuses):
    """The first excuse that fits the hole, or None."""
    for excuse in excuses:
        if hole.library in excuse.libraries and fnmatch.fnmatch(hole.file, excuse.file):
            return excuse
    return None


def package_folders():
    """Where pip installs in this Python (on Ubuntu another folder than sysconfig says)."""
    folders = [path for path in sys.path if os.path.basename(path).endswith("-packages")]
    return folders or [sysconfig.get_path("purelib")]


def parse_arguments(arguments):
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folders", nargs="*", help="default: this Python's package folders")
    parser.add_argument(
        "--excuse",
        type=parse_excuse,
        action="append",
        default=[],
        metavar="FILE:LIBRARY,...:REASON",
        help="a hole that cannot be closed and does no harm",
    )
    return parser.parse_args(arguments)


def main(arguments=None):
    options = parse_arguments(arguments)
    failed = False
    for folder in options.folders or package_folders():
        holes, count = find_holes(folder)
        print("%s: %d shared libraries" % (folder, count))
        for hole in holes:
            excuse = excuse_for(hole, options.excuse)
            verdict = "excused: " + excuse.reason if excuse else "NOT FOUND"
            print("%s: %s needs %s: %s" % (hole.package, hole.file, hole.library, verdict))
            failed = failed or excuse is None
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
