"""Turns a GGUF file of the Llama family back into a Hugging Face folder and an ONNX graph."""
