"""The recipe of the constants by which answers are judged (`modelnet.service.pathway`)."""
