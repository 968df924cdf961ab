"""Generations of Keras: ratios and orders of backends are told within one only."""

from runner.spec.study import Study

# Those of 2017 were compared with each other when they were new; Keras 3 is another program.
EARLY = "Keras 1 and 2"
_FIRST_YEAR_OF_3 = 2024


def keras_generation(version: str) -> str:
    """Return the generation that a version of Keras belongs to: "Keras 1 and 2", or "Keras 3"."""
    major = version.partition(".")[0]
    return EARLY if major in ("1", "2") else f"Keras {major}"


def study_generation(study: Study) -> str:
    """Return the generation that a study timed: by its set-ups, or by its year."""
    known = [setup.keras_version for setup in study.setups if setup.keras_version]
    if known:
        return keras_generation(known[0])
    return EARLY if study.year < _FIRST_YEAR_OF_3 else "Keras 3"
