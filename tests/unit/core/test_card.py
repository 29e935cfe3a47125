"""What a card says of money."""

import pytest

from modelnet.core.card import ModelCard, Price


@pytest.mark.parametrize(
    ("price", "is_metered", "is_free"),
    [
        (Price(), False, True),
        (Price(), True, False),
        (Price(output_per_mtok=1.0), False, False),
        (Price(input_per_mtok=1.0), True, False),
    ],
)
def test_a_model_is_free_if_nobody_pays(price: Price, is_metered: bool, is_free: bool):
    card = ModelCard(
        name="m", operations=("chat",), engine="openai", price=price, is_metered=is_metered
    )
    assert card.is_free is is_free
