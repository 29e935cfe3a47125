"""`/modelnet/v1/feedback`: a person's word on an answer, and what is kept of all of them."""
