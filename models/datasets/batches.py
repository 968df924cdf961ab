"""Batches of inputs, which are an array, or a list or a dict of such, with a sample per row."""


def rows_of(x, begin, end):
    """Return the rows of inputs from ``begin`` to before ``end``."""
    if isinstance(x, dict):
        return {name: part[begin:end] for name, part in x.items()}
    if isinstance(x, list):
        return [part[begin:end] for part in x]
    return x[begin:end]


def length_of(x):
    """Return how many rows inputs have."""
    if isinstance(x, dict):
        return len(next(iter(x.values())))
    return len(x[0]) if isinstance(x, list) else len(x)


def batches(x, size):
    """Return the batches of inputs, the last of which may be a smaller one."""
    return [rows_of(x, begin, begin + size) for begin in range(0, length_of(x), size)]
