"""A CLAP of transformers at toy widths, with random weights, in a folder of a shelf."""

from pathlib import Path

import torch
from tokenizers import Tokenizer
from tokenizers.models import WordLevel
from tokenizers.pre_tokenizers import Whitespace
from transformers import (
    ClapAudioConfig,
    ClapConfig,
    ClapFeatureExtractor,
    ClapModel,
    ClapTextConfig,
    PreTrainedTokenizerFast,
)


def made_clap(shelf: Path) -> Path:
    """It knows the words rain, a and dog."""
    folder = shelf / "clap"
    words = {w: i for i, w in enumerate(("<s>", "<pad>", "</s>", "<unk>", "rain", "a", "dog"))}
    tokenizer = Tokenizer(WordLevel(words, unk_token="<unk>"))
    tokenizer.pre_tokenizer = Whitespace()
    PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, pad_token="<pad>", unk_token="<unk>"
    ).save_pretrained(folder)
    torch.manual_seed(0)
    text = ClapTextConfig(
        vocab_size=len(words), hidden_size=32, num_hidden_layers=1, num_attention_heads=2,
        intermediate_size=32, projection_dim=24, max_position_embeddings=64,
    )  # fmt: skip
    audio = ClapAudioConfig(
        hidden_size=128, patch_embeds_hidden_size=16, depths=[1, 1, 1, 1],
        num_attention_heads=[2, 2, 2, 2], projection_dim=24, enable_fusion=False,
    )  # fmt: skip
    both = ClapConfig(text_config=text.to_dict(), audio_config=audio.to_dict(), projection_dim=24)
    ClapModel(both).save_pretrained(folder)
    ClapFeatureExtractor(truncation="rand_trunc").save_pretrained(folder)
    return folder
