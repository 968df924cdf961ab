"""The build's library check, on shared objects made for the purpose."""

import importlib.util
import shutil
import subprocess
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parents[2] / "docker" / "common" / "check_libraries.py"

pytestmark = pytest.mark.skipif(
    not (shutil.which("gcc") and shutil.which("ldd")), reason="needs gcc and ldd"
)


@pytest.fixture(scope="module")
def check():
    spec = importlib.util.spec_from_file_location("check_libraries", SCRIPT)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def link(path: Path, *needed: Path, rpath: str = "") -> Path:
    """Make a shared object that needs others; without rpath it does not know where they are."""
    path.parent.mkdir(parents=True, exist_ok=True)
    options = [f"-Wl,--disable-new-dtags,-rpath,{rpath}"] if rpath else []
    subprocess.run(
        ["gcc", "-shared", "-fPIC", "-x", "c", "/dev/null", "-x", "none", "-Wl,--no-as-needed",
         "-Wl,--allow-shlib-undefined", *map(str, needed), f"-Wl,-soname,{path.name}", *options,
         "-o", str(path)],
        check=True,
    )  # fmt: skip
    return path


@pytest.fixture
def packages(tmp_path):
    """A folder of packages: demo's library needs one that is nowhere."""
    root = tmp_path / "packages"
    nowhere = link(tmp_path / "elsewhere" / "libnowhere.so.1")
    link(root / "demo" / "libdemo.so", nowhere)
    record = root / "demo-1.5.dist-info" / "RECORD"
    record.parent.mkdir()
    record.write_text("demo/libdemo.so,sha256=x,1\n")
    nowhere.unlink()
    return root


def test_names_package_file_and_library_of_a_hole(check, packages, capsys):
    assert check.main([str(packages)]) == 1
    assert "demo-1.5: demo/libdemo.so needs libnowhere.so.1: NOT FOUND" in capsys.readouterr().out


def test_a_hole_is_excused_with_its_reason(check, packages, capsys):
    excuse = "demo/lib*.so:libother.so,libnowhere.so.1:no model loads it"
    assert check.main([str(packages), "--excuse", excuse]) == 0
    assert "excused: no model loads it" in capsys.readouterr().out


@pytest.mark.parametrize(
    "excuse", ["demo/libdemo.so:libother.so:another one", "other/*:libnowhere.so.1:another file"]
)
def test_an_excuse_covers_nothing_else(check, packages, excuse):
    assert check.main([str(packages), "--excuse", excuse]) == 1


@pytest.mark.parametrize("excuse", ["demo/*:libnowhere.so.1", "*::all of it", ""])
def test_an_excuse_without_a_reason_or_library_is_refused(check, packages, excuse):
    with pytest.raises(SystemExit):
        check.main([str(packages), "--excuse", excuse])


def test_the_drivers_libraries_are_not_looked_for(check, tmp_path):
    driver = link(tmp_path / "driver" / "libcuda.so.1")
    link(tmp_path / "packages" / "demo.so", driver)
    driver.unlink()
    assert check.main([str(tmp_path / "packages")]) == 0


def test_a_library_that_its_parent_finds_for_it_is_no_hole(check, tmp_path):
    root = tmp_path / "packages"
    inner = link(root / "libs" / "libinner.so")
    outer = link(root / "libs" / "libouter.so", inner)
    assert check.main([str(root)]) == 1  # nothing loads it yet
    link(root / "extension.so", outer, inner, rpath="$ORIGIN/libs")
    assert check.main([str(root)]) == 0


def test_a_parent_with_a_hole_of_its_own_finds_nothing_for_others(check, tmp_path):
    root = tmp_path / "packages"
    nowhere = link(tmp_path / "elsewhere" / "libnowhere.so.1")
    inner = link(root / "libs" / "libinner.so")
    outer = link(root / "libs" / "libouter.so", inner)
    link(root / "extension.so", outer, inner, nowhere, rpath="$ORIGIN/libs")
    nowhere.unlink()
    holes, count = check.find_holes(str(root))
    assert count == 3
    assert {(hole.file, hole.library) for hole in holes} == {
        ("extension.so", "libnowhere.so.1"),
        ("libs/libouter.so", "libinner.so"),
    }


def test_library_path_counts(check, tmp_path, monkeypatch):
    elsewhere = link(tmp_path / "elsewhere" / "libelsewhere.so.1")
    link(tmp_path / "packages" / "demo.so", elsewhere)
    monkeypatch.setenv("LD_LIBRARY_PATH", str(elsewhere.parent))
    assert check.main([str(tmp_path / "packages")]) == 0


def test_what_only_looks_like_a_library_is_passed_over(check, tmp_path):
    (tmp_path / "linker_script.so").write_text("INPUT(libc.so.6)")
    assert check.find_libraries(str(tmp_path)) == []
