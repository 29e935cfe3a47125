"""The real weights of MiniLM, where a package that brings them is installed."""

from importlib.util import find_spec

import numpy as np
import pytest

from modelnet.resource.encoder import EMBEDDING_SIZE, load_encoder
from modelnet.resource.encoder.source import SOURCES

pytestmark = pytest.mark.live

TEXTS = [
    "How do I bake bread at home?",
    "Instructions for making a loaf in your own oven.",
    "What is the derivative of x^3?",
    "Differentiate the cube of x.",
    "Wie backe ich zu Hause Brot?",
    "def mean(xs): return sum(xs) / len(xs)",
]
COSINES = [
    [1.000, 0.707, -0.026, -0.106, 0.084, 0.019],
    [0.707, 1.000, -0.016, -0.068, 0.037, 0.025],
    [-0.026, -0.016, 1.000, 0.688, -0.074, 0.174],
    [-0.106, -0.068, 0.688, 1.000, -0.045, 0.191],
    [0.084, 0.037, -0.074, -0.045, 1.000, -0.009],
    [0.019, 0.025, 0.174, 0.191, -0.009, 1.000],
]
BEGINNING = [0.0750, 0.0340, -0.0372, -0.0447, -0.0567, -0.0073, -0.0205, 0.0406]
"""What the original weights give in full precision: between the texts, and for the first."""


@pytest.fixture(params=SOURCES, ids=lambda source: source.package)
def encoder(request, tmp_path):
    if find_spec(request.param.package) is None:
        pytest.skip(f"{request.param.package} is not installed")
    return load_encoder(tmp_path, [request.param])


def test_it_says_what_the_original_says(encoder):
    made = encoder.encode(TEXTS)
    assert made.shape == (len(TEXTS), EMBEDDING_SIZE)
    assert np.abs(made @ made.T - np.array(COSINES)).max() < 0.05
    assert made[0][:8] == pytest.approx(BEGINNING, abs=0.015)
