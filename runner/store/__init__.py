"""What a run keeps on disk, written as it comes and checked when it is read."""
