"""The recipe of the classifier that tells kinds of task apart (`modelnet.service.kind`)."""
