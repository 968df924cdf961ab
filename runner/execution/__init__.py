"""From a plan to records: jobs run one after the other on a device that is theirs alone."""
