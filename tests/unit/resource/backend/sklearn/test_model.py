"""An estimator as a model: its card, and where it comes from."""

import time
from contextlib import aclosing

import pytest
from sklearn.linear_model import LogisticRegression
from skops import io as skops

from modelnet.core.error import EngineError, ModelFileError
from modelnet.core.request import Infer
from modelnet.resource.backend.function import model
from modelnet.resource.backend.sklearn import EstimatorModel, is_estimator
from modelnet.resource.backend.typed.array import array_of, tensor_from

pytestmark = pytest.mark.anyio
FITTED = LogisticRegression().fit([[0.0], [1.0], [2.0], [3.0]], ["few", "few", "many", "many"])


async def predicted(made: EstimatorModel, *values: float) -> list[bytes]:
    request = Infer((tensor_from("X", [[value] for value in values]),), ("predict",))
    async with aclosing(made.run(request, deadline=time.time() + 5)) as chunks:
        return array_of((await anext(chunks)).tensors[0]).tolist()


async def test_a_file_is_a_model_named_after_it(tmp_path):
    path = tmp_path / "amount.skops"
    skops.dump(FITTED, path)
    made = EstimatorModel(path)
    await made.start()
    assert await predicted(made, 0.0, 3.0) == [b"few", b"many"]
    assert (made.card.name, made.card.engine) == ("amount", "sklearn")
    assert "few, many" in made.card.description
    await made.stop()


async def test_an_estimator_of_a_program_is_one_too():
    made = EstimatorModel(FITTED, name="amount")
    await made.start()
    assert await predicted(made, 0.0) == [b"few"]
    assert made.card.name == "amount"
    await made.stop()
    assert EstimatorModel(FITTED)._name == "LogisticRegression"


async def test_nothing_is_read_before_the_start(tmp_path):
    made = EstimatorModel(tmp_path / "missing.skops")
    with pytest.raises(EngineError, match="never started"):
        _ = made.card
    with pytest.raises(ModelFileError):
        await made.start()


@pytest.mark.parametrize(
    ("target", "is_one"),
    [(FITTED, True), (LogisticRegression, False), (len, False), (model()(lambda x: x), False)],
    ids=["fitted", "class", "function", "model"],
)
def test_estimators_are_told_from_functions(target, is_one):
    assert is_estimator(target) is is_one
