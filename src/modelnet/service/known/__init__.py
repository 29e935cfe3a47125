"""What is bundled of public models: how often they were right, kind by kind. Pure.

Fitted by `recipes/known_models` on sets whose licence permits it.
"""

from modelnet.service.known.known import Known
from modelnet.service.known.name import public_name
from modelnet.service.known.table import Table, bundled, bundled_centres

__all__ = ["Known", "Table", "bundled", "bundled_centres", "public_name"]
