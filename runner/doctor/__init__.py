"""Whether a run can work on this machine, before anything is built."""
