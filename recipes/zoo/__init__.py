"""The recipe of the embedded zoo: tiny language models trained from nothing on two CPU cores."""
