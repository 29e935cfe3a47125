"""Models and machines: the Model seam, its back-ends, the zoo, and what is known of other nodes."""
