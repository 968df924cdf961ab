"""A configuration of the tests' own: what its folder must state, and no more."""

CONFIG = """
title = "A test"
keras = "1.0"
python = "3.6"
local_pythons = ["3.6"]
recurrent_activation = "sigmoid"
[images]
gpu = "none"
cpu = "none"
[backends.mxnet]
version = "1.0"
image_data_format = "channels_last"
[backends.mxnet.gpu]
cuda = "8.0"
cudnn = "6.0"
min_driver = "1.0"
min_compute_capability = "3.0"
source = "made up"
"""
