"""Where a job's process lives: a container, or a process of this machine."""
