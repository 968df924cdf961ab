"""Made data: the form asked for, the same for a seed on every numpy, and something to learn."""

import json

import numpy as np
import pytest

from models.datasets import load as data
from models.datasets import made
from models.job import spec

TEXTS = made.Tokens(batch=4, length=16, words=500, classes=2)
LINES = made.Tokens(batch=4, length=16, words=500, classes=None)
IMAGES = made.Images(batch=4, side=32, classes=10, target=None)
PICTURES = made.Images(batch=4, side=32, classes=None, target=(8, 8, 5))
LATENTS = made.Latents(batch=4, side=8, channels=4, context=(3, 16))
# The same under numpy 1.13 and 2.x: a change here changes what a seed means.
PINNED = {
    TEXTS: "670fe90245b4e6a60fa7759775c18574fb30199a16b0a010da40a342f3688ca3",
    LINES: "f9e4059e600d7efd202fa39e5f9313bde75377246b2ddc8476c800e42e8c8d7f",
    IMAGES: "0078a31f96d15eb9132b84145989c001895e7a4d83ed459659a99dfcba5c1029",
    PICTURES: "75368a2cf238fbc23f19900a14f6db5e44b7ed2a1aeab2572b76e64f502ce23b",
    LATENTS: "6d222c95d6daa34f1f3b15898d681b5c95a5805f3420222462a4d8411b7467f8",
}
OF_FORM = {made.Tokens: "made_tokens", made.Images: "made_images", made.Latents: "made_latents"}


def load(form, given, **changes):
    asked = spec.parse(json.dumps(dict(given, samples=None, **changes)))
    return data.load(OF_FORM[type(form)], asked, form)


@pytest.mark.parametrize("form", list(PINNED), ids=str)
def test_a_seed_means_the_same_bytes_everywhere(given, form):
    loaded = load(form, given)
    assert loaded.sha256 == PINNED[form]
    assert load(form, given, seed=8).sha256 != PINNED[form]
    assert data.sha256(loaded.test) != data.sha256(data._slice(loaded.train, 0, 4))


@pytest.mark.parametrize("form", list(PINNED), ids=str)
def test_there_are_as_many_batches_as_stated_and_nothing_to_validate_on(given, form):
    assert [len(part.y) for part in load(form, given)[:3]] == [40, 0, 4]


def test_samples_cut_it_and_none_are_added_to_no_validation(given):
    asked = spec.parse(json.dumps(dict(given, samples=10)))
    assert [len(part.y) for part in data.load("made_tokens", asked, TEXTS)[:3]] == [10, 0, 1]


def test_texts_are_tokens_of_the_vocabulary_with_a_class(given):
    x, y = load(TEXTS, given).train
    assert x.shape == (40, 16) and y.shape == (40,) and x.dtype == y.dtype == np.int32
    assert x.min() >= 0 and x.max() < 500
    assert set(y) == {0, 1}


def test_the_target_of_a_token_is_the_next_one(given):
    x, y = load(LINES, given).train
    assert np.array_equal(x[:, 1:], y[:, :-1])


def test_a_text_tells_its_class(given):
    x, y = made.Tokens(100, 64, 500, 2).make(200, *(np.random.RandomState(n) for n in (0, 1)))
    share = (x < 125).mean(axis=1)  # the frequent words of class 0, and few of class 1
    assert ((share < 0.5) == y).mean() > 0.95


def test_a_large_vocabulary_is_used_to_its_end():
    x, _ = made.Tokens(1, 20000, 256000, None).make(1, np.random.RandomState(0), None)
    assert 250000 < x.max() < 256000 and len(np.unique(x)) > 5000


def test_images_of_a_class_are_alike():
    x, y = IMAGES.make(200, *(np.random.RandomState(n) for n in (0, 1)))
    assert x.shape == (200, 32, 32, 3) and x.dtype == np.uint8 and set(y) == set(range(10))
    means = np.array([x[:100][y[:100] == label].mean(axis=0).ravel() for label in range(10)])
    distances = ((x[100:].reshape(100, 1, -1) - means) ** 2).sum(axis=2)
    assert (distances.argmin(axis=1) == y[100:]).mean() > 0.95


def test_a_class_looks_the_same_in_training_and_test(given):
    loaded = load(IMAGES, given)
    of_test = loaded.test.y[0]
    far = [abs(x.astype(int) - loaded.test.x[0]).mean() for x in loaded.train.x]
    assert of_test == loaded.train.y[int(np.argmin(far))]


def test_the_target_picture_is_the_image_coarser(given):
    x, y = load(PICTURES, given).train
    assert y.shape == (40, 8, 8, 5) and y.dtype == np.float32 and 0 <= y.min() < y.max() <= 1
    assert np.allclose(y[:, 3, 2, 4], x[:, 12, 8, 1] / 255.0)


def test_latents_are_noise_with_a_step_and_two_texts(given):
    (latents, steps, texts, no_texts), y = load(LATENTS, given).train
    assert latents.shape == (40, 8, 8, 4) and steps.shape == y.shape == (40,)
    assert texts.shape == no_texts.shape == (40, 3, 16) and not np.array_equal(texts, no_texts)
    assert abs(latents.mean()) < 0.05 and abs(latents.std() - 1) < 0.05
    assert steps.min() >= 1 and steps.max() <= 999


def test_it_is_no_real_data(given, tmpdir):
    with pytest.raises(data.DataError) as caught:
        load(TEXTS, given, data="real", data_dir=str(tmpdir))
    assert "does not serve made_tokens" in str(caught.value)
