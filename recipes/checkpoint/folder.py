"""Write a checkpoint as the folder that Hugging Face's libraries read."""

import json
from pathlib import Path
from typing import Any

from safetensors.numpy import save

from recipes.checkpoint.checkpoint import Checkpoint
from recipes.checkpoint.tokenizer import tokenizer_of


def write_folder(checkpoint: Checkpoint, folder: Path) -> Path:
    """Write weights, sizes, tokenizer and chat template, and return the folder."""
    folder.mkdir(parents=True, exist_ok=True)
    weights = save(checkpoint.weights, metadata={"format": "pt"})
    (folder / "model.safetensors").write_bytes(weights)
    tokenizer_of(checkpoint.vocabulary).save(str(folder / "tokenizer.json"))
    _write(folder / "config.json", _config(checkpoint))
    _write(folder / "tokenizer_config.json", _tokenizer_config(checkpoint))
    _write(folder / "generation_config.json", {"eos_token_id": checkpoint.vocabulary.end})
    return folder


def _config(checkpoint: Checkpoint) -> dict[str, Any]:
    shape = checkpoint.shape
    return {
        "architectures": ["LlamaForCausalLM"],
        "model_type": "llama",
        "dtype": "float32",
        "vocab_size": len(checkpoint.vocabulary.tokens),
        "hidden_size": shape.width,
        "intermediate_size": shape.inner,
        "num_hidden_layers": shape.layers,
        "num_attention_heads": shape.heads,
        "num_key_value_heads": shape.kv_heads,
        "head_dim": shape.head_width,
        "hidden_act": "silu",
        "max_position_embeddings": shape.context_length,
        "rms_norm_eps": shape.norm_epsilon,
        "rope_theta": shape.rope_base,
        "tie_word_embeddings": checkpoint.is_tied,
        "attention_bias": False,
        "mlp_bias": False,
        "bos_token_id": None,
        "eos_token_id": checkpoint.vocabulary.end,
        "pad_token_id": checkpoint.vocabulary.end,
    }


def _tokenizer_config(checkpoint: Checkpoint) -> dict[str, Any]:
    end = checkpoint.vocabulary.tokens[checkpoint.vocabulary.end]
    return {
        "tokenizer_class": "PreTrainedTokenizerFast",
        "model_max_length": checkpoint.shape.context_length,
        "eos_token": end,
        "pad_token": end,
        "clean_up_tokenization_spaces": False,
        "chat_template": checkpoint.vocabulary.chat_template,
    }


def _write(path: Path, told: dict[str, Any]) -> None:
    path.write_text(json.dumps(told, indent=2) + "\n")
