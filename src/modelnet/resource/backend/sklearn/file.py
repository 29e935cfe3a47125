"""Loading an estimator from the user's own file.

`.skops` is audited: a file that names types which scikit-learn does not have is refused. `.joblib`
and `.pkl` are programs: loading one runs it. That is right for a file of one's own, on one's own
machine, so one that others may write to is refused; and nothing a peer sends ever comes here.
"""

import logging
import os
import stat
import warnings
from pathlib import Path
from typing import Any

from modelnet.core.error import ModelFileError, SettingsError

AUDITED = frozenset({".skops"})
TRUSTED = frozenset({".joblib", ".pkl", ".pickle"})

_log = logging.getLogger(__name__)


def load_estimator(path: Path) -> Any:
    """Return the estimator of a file.

    Raises:
        SettingsError: scikit-learn or skops is not installed.
        ModelFileError: the file is missing, corrupt, of another kind, or not to be trusted.
    """
    if not path.is_file():
        raise ModelFileError(f"{path} is no file; check the path.")
    if path.suffix in AUDITED:
        return _load(path, _load_skops)
    if path.suffix in TRUSTED:
        _refuse_writable(path)
        return _load(path, _load_joblib)
    known = ", ".join(sorted(AUDITED | TRUSTED))
    raise ModelFileError(f"{path} is of an unknown kind; save the estimator as one of {known}.")


def _load(path: Path, load: Any) -> Any:
    with warnings.catch_warnings(record=True) as heard:
        warnings.simplefilter("always")
        try:
            estimator = load(path)
        except (ModelFileError, SettingsError):
            raise
        except ImportError as error:
            raise SettingsError(
                f"{path} needs a package that is not installed ({error}); install it, or run: "
                "pip install 'ai-modelnet[sklearn]'."
            ) from error
        except Exception as error:  # A pickle is a program: it may raise anything.
            raise ModelFileError(
                f"{path} cannot be loaded ({type(error).__name__}: {error}); save it anew."
            ) from error
    for warning in heard:
        _log.warning("loading %s: %s", path, warning.message)
    return estimator


def _load_skops(path: Path) -> Any:
    from skops import io

    library: Any = io
    if unknown := library.get_untrusted_types(file=path):
        raise ModelFileError(
            f"{path} holds types that scikit-learn does not have ({', '.join(unknown)}); serve the "
            "estimator from a module of yours that loads it: python:MODULE:ESTIMATOR."
        )
    return library.load(path)


def _load_joblib(path: Path) -> Any:
    import joblib

    library: Any = joblib
    return library.load(path)


def _refuse_writable(path: Path) -> None:
    """Refuse a program that another user could have put there."""
    about = path.stat()
    is_foreign = hasattr(os, "getuid") and about.st_uid not in {os.getuid(), 0}
    if is_foreign or about.st_mode & stat.S_IWOTH:
        raise ModelFileError(
            f"{path} is a program that others may have written; save the estimator as .skops, or "
            "make the file yours alone: chmod go-w."
        )
