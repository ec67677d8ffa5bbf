"""Makes a small OPT with random weights, so that a vLLM in a test has something to load where no model hub is reachable.

    tiny_opt.py FOLDER

It answers as quickly as a model can and says nothing that makes sense. The tokenizer is a byte-level BPE trained on a
few sentences; the chat template is the plainest one. The same weights come out each time.
"""

import pathlib
import sys

import tokenizers
import torch
import transformers
from tokenizers import decoders, models, pre_tokenizers, processors, trainers

POSITIONS = 4096
VOCABULARY = 512
END, PAD = "</s>", "<pad>"
SENTENCES = (
    "The future of artificial intelligence is open, and the people who work on machine learning today shape it.",
    "Write a short story about a small robot that keeps a lighthouse on the shore of a quiet sea.",
    "Explain in plain words how a server answers many questions at the same time, and name three advantages of it.",
)
CHAT = """\
{%- for message in messages %}{{ message.role }}: {{ message.content }}
{% endfor %}{% if add_generation_prompt %}assistant: {% endif %}"""
README = """\
# A stand-in for facebook/opt-125m

This is not the published model. It is a tiny OPT of the same architecture with RANDOM WEIGHTS, {positions} positions, a
vocabulary of {vocabulary} and a tokenizer trained on three sentences, made when this image was built. It exists so that
a real vLLM server has something to load and serve in tests and demonstrations; what it writes is noise.
"""


def tokenizer() -> transformers.PreTrainedTokenizerFast:
    """Return the tokenizer, which puts the end token in front of each prompt as OPT's does."""
    bpe = tokenizers.Tokenizer(models.BPE())
    bpe.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    bpe.decoder = decoders.ByteLevel()
    special = ["<s>", PAD, END, "<unk>"]
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(
        vocab_size=VOCABULARY, special_tokens=special, initial_alphabet=alphabet, show_progress=False
    )
    bpe.train_from_iterator(SENTENCES, trainer)
    bpe.post_processor = processors.TemplateProcessing(single=f"{END} $A", special_tokens=[(END, bpe.token_to_id(END))])
    names = {"bos_token": END, "eos_token": END, "unk_token": END, "pad_token": PAD}
    return transformers.PreTrainedTokenizerFast(
        tokenizer_object=bpe, model_max_length=POSITIONS, chat_template=CHAT, **names
    )


def model() -> transformers.OPTForCausalLM:
    """Return the model: two layers of 64, in the precision that vLLM computes in."""
    torch.manual_seed(0)
    shape = {
        "hidden_size": 64,
        "word_embed_proj_dim": 64,
        "num_hidden_layers": 2,
        "ffn_dim": 128,
        "num_attention_heads": 2,
    }
    tokens = {"vocab_size": VOCABULARY, "bos_token_id": 2, "eos_token_id": 2, "pad_token_id": 1}
    config = transformers.OPTConfig(max_position_embeddings=POSITIONS, **shape, **tokens)
    return transformers.OPTForCausalLM(config).to(torch.bfloat16)


def main(folder: pathlib.Path) -> None:
    """Write model, tokenizer and README, readable for any user."""
    folder.mkdir(parents=True, exist_ok=True)
    tokenizer().save_pretrained(folder)
    model().save_pretrained(folder)
    (folder / "README.md").write_text(README.format(positions=POSITIONS, vocabulary=VOCABULARY))
    for file in folder.iterdir():
        file.chmod(0o644)


if __name__ == "__main__":
    main(pathlib.Path(sys.argv[1]))
