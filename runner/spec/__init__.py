"""What is asked for, as values: configurations, workloads, jobs, requests."""
