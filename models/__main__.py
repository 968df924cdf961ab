"""Run one job: ``python3 -m models '<job spec as JSON>'``."""

import sys

from models.job.process import main

sys.exit(main(sys.argv[1:]))
