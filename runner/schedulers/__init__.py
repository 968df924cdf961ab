"""Who says when and on which machine a job runs: a cluster's queue."""
