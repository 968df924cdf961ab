"""The doctor: whether a run can work on this machine, before anything is built."""
