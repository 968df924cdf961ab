#!/usr/bin/env python3
"""Check that Theano compiles C++ here: compiler, Python's headers, libpython and the BLAS."""

import sys

import numpy
import theano
import theano.tensor as tensor


def main():
    left, right = tensor.matrices("left", "right")
    product = theano.function([left, right], tensor.dot(left, right))
    operators = [type(node.op).__name__ for node in product.maker.fgraph.toposort()]
    if not theano.config.cxx or not set(operators) & {"Dot22", "Gemm"}:
        print("check_theano: a dot product does not become BLAS (%s)" % operators, file=sys.stderr)
        return 1
    ones = numpy.ones((3, 3), dtype=theano.config.floatX)
    if not numpy.array_equal(product(ones, ones), 3 * ones):
        print("check_theano: a dot product is wrong", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
