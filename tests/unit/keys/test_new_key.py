"""What a key is made of: more random bits than anybody can guess, of which a hash gives nothing away."""

import re

from vllm_operator.keys import issuer, state


def test_a_new_key_cannot_be_guessed_nor_found_from_its_hash() -> None:
    made = {issuer.new_key() for _ in range(1000)}
    assert len(made) == 1000
    assert all(re.fullmatch(r"sk-[A-Za-z0-9_-]{43}", key) for key in made)
    assert {len(state.digest(key)) * 4 for key in made} == {64}
