"""An interpreter of a test's own, with the packages that it is said to have; none of them works."""

import subprocess
import sys
import sysconfig
from pathlib import Path


def make_python(folder: Path, **versions: str) -> Path:
    """Return an interpreter in ``folder``; its packages can be found, but not imported."""
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", folder], check=True)
    site = Path(sysconfig.get_path("purelib", "venv", {"base": str(folder)}))
    for name, version in versions.items():
        (site / f"{name}.py").write_text("raise ImportError('this package is a test\\'s own')\n")
        about = site / f"{name}-{version}.dist-info"
        about.mkdir()
        (about / "METADATA").write_text(
            f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n"
        )
    return folder / "bin" / "python"
