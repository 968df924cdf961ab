"""The images of the networks of 2024 that know channels last alone."""


def scaled(x, image_data_format):
    """Return images (n, side, side, 3) of bytes as float32 from 0 to 1.

    Raises ``ValueError`` where channels shall come first.
    """
    if image_data_format != "channels_last":
        raise ValueError("this network takes images with channels last, not {}".format(
            image_data_format))
    return x.astype("float32") / 255
