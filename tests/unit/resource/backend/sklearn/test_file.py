"""Files are loaded as far as they may be trusted."""

import logging
import pickle
import sys

import joblib
import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression
from skops import io as skops

from modelnet.core.error import ModelFileError, SettingsError
from modelnet.resource.backend.sklearn.file import load_estimator


class Mine(LogisticRegression):
    """An estimator that scikit-learn does not have."""


class Bomb:
    """Loading it runs a program."""

    def __reduce__(self):
        return (print, ("It went off.",))


class Missing:
    """It needs a module that nobody has."""

    def __reduce__(self):
        return (__import__, ("a_module_nobody_has",))


@pytest.fixture(scope="module")
def fitted():
    x = np.arange(8.0).reshape(4, 2)
    return LogisticRegression().fit(x, [0, 0, 1, 1])


@pytest.mark.parametrize("ending", ["skops", "joblib", "pkl", "pickle"])
def test_an_estimator_is_loaded_from_a_file_of_ones_own(fitted, tmp_path, ending):
    path = tmp_path / f"model.{ending}"
    match ending:
        case "skops":
            skops.dump(fitted, path)
        case "joblib":
            joblib.dump(fitted, path)
        case _:
            path.write_bytes(pickle.dumps(fitted))
    np.testing.assert_array_equal(load_estimator(path).coef_, fitted.coef_)


def test_types_that_scikit_learn_has_not_are_named_and_refused(tmp_path):
    path = tmp_path / "mine.skops"
    skops.dump(Mine().fit([[0.0], [1.0]], [0, 1]), path)
    with pytest.raises(ModelFileError, match=r"Mine.*python:MODULE"):
        load_estimator(path)


def test_a_pickle_is_no_skops_whatever_its_name(tmp_path, capsys):
    path = tmp_path / "bomb.skops"
    path.write_bytes(pickle.dumps(Bomb()))
    with pytest.raises(ModelFileError, match="cannot be loaded"):
        load_estimator(path)
    assert "went off" not in capsys.readouterr().out


def test_a_program_that_others_may_write_is_not_run(tmp_path, capsys):
    path = tmp_path / "bomb.pkl"
    path.write_bytes(pickle.dumps(Bomb()))
    path.chmod(0o666)
    with pytest.raises(ModelFileError, match="chmod go-w"):
        load_estimator(path)
    assert "went off" not in capsys.readouterr().out


@pytest.mark.parametrize("ending", ["skops", "joblib", "pkl"])
@pytest.mark.parametrize("content", [b"", b"garbage", b"PK\3\4 no zip"])
def test_corrupt_files_are_refused(tmp_path, ending, content):
    path = tmp_path / f"model.{ending}"
    path.write_bytes(content)
    with pytest.raises(ModelFileError, match="cannot be loaded"):
        load_estimator(path)


def test_a_file_cut_short_is_refused(fitted, tmp_path):
    path = tmp_path / "model.skops"
    skops.dump(fitted, path)
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(ModelFileError, match="cannot be loaded"):
        load_estimator(path)


def test_a_missing_package_is_named(tmp_path):
    path = tmp_path / "model.pkl"
    path.write_bytes(pickle.dumps(Missing()))
    with pytest.raises(SettingsError, match="a_module_nobody_has"):
        load_estimator(path)


def test_a_missing_skops_is_told_with_what_installs_it(fitted, tmp_path, monkeypatch):
    path = tmp_path / "model.skops"
    skops.dump(fitted, path)
    monkeypatch.setitem(sys.modules, "skops", None)
    with pytest.raises(SettingsError, match=r"pip install .*sklearn"):
        load_estimator(path)


def test_missing_files_and_unknown_kinds_are_refused(tmp_path):
    with pytest.raises(ModelFileError, match="is no file"):
        load_estimator(tmp_path / "nothing.skops")
    with pytest.raises(ModelFileError, match="is no file"):
        load_estimator(tmp_path)
    (tmp_path / "model.h5").write_bytes(b"")
    with pytest.raises(ModelFileError, match="unknown kind"):
        load_estimator(tmp_path / "model.h5")


def test_an_estimator_of_another_version_is_served_with_a_warning(fitted, tmp_path, caplog):
    old = pickle.loads(pickle.dumps(fitted))
    state = old.__getstate__() | {"_sklearn_version": "0.1"}

    class Old:
        def __reduce__(self):
            return (LogisticRegression, (), state)

    path = tmp_path / "old.pkl"
    path.write_bytes(pickle.dumps(Old()))
    with caplog.at_level(logging.WARNING):
        assert load_estimator(path).coef_.shape == (1, 2)
    assert "0.1" in caplog.text
