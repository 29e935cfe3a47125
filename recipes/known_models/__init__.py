"""The recipe of what is bundled of public models (`modelnet.service.known`)."""
