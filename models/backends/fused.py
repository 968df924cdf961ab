"""Which fused kernels ran: a layer's work as one kernel made for it, not many of general use.

What a layer is asked for ("auto") does not say what it got: that depends on the card, the library,
the shapes and the precision, and decides its speed. What a compiler fuses by itself is not seen
here.
"""

import functools


class Calls(object):
    """Which of the watched functions were called, also while compiling, and came back."""

    def __init__(self):
        self.kernels = set()

    def watch(self, module, name, kernel_of):
        """Watch ``module``'s function ``name``; ``kernel_of(options)`` names the kernel, or None.

        ``options`` are the call's named arguments. A module without the function is left alone.
        """
        function = getattr(module, name, None)
        if function is None:
            return

        @functools.wraps(function)
        def watched(*arguments, **options):
            returned = function(*arguments, **options)
            self.kernels.add(kernel_of(options))
            return returned

        setattr(module, name, watched)

    def kernel_names(self):
        """Return the names of the kernels, sorted."""
        return sorted(self.kernels - {None})
