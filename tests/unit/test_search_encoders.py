"""What the encoders share, and what each of them does on its own."""

from pathlib import Path

import numpy as np
import pytest

from mooring.search import arrays, models
from mooring.search.encoder import Encoder
from mooring.search.static_table import StaticTable
from mooring.search.wordpiece import WordPiece
from mooring.settings import SettingsError

MODELS = Path(__file__).parents[2] / "layers" / "registry" / "models"
NEEDS_MINILM = pytest.mark.skipif(
    not (MODELS / "minilm.arrays").exists(), reason="`make minilm` builds the model this needs"
)
# From BERT's own tests.
VOCABULARY = ("[UNK]", "[CLS]", "[SEP]", "want", "##want", "##ed", "wa", "un", "runn", "##ing", ",", "low")


class TestWordPiece:
    PIECES = WordPiece({word: number for number, word in enumerate(VOCABULARY)}, {"low"})

    def pieces(self, text: str) -> list[str]:
        return [VOCABULARY[number] for number in self.PIECES.encode(text)]

    def test_words_are_cut_into_the_longest_pieces_without_case_and_accents(self) -> None:
        expected = ["un", "##want", "##ed", ",", "runn", "##ing"]
        assert self.pieces("UNwant\u00e9d,running") == expected
        assert self.pieces(" \tunwanted ,\nrunning\x00 ") == expected

    def test_a_word_that_leaves_a_rest_is_unknown(self) -> None:
        assert self.pieces("unwantedX running") == ["[UNK]", "runn", "##ing"]

    def test_a_word_of_endless_length_is_unknown(self) -> None:
        assert self.pieces("un" * 60) == ["[UNK]"]

    def test_chinese_characters_stand_alone(self) -> None:
        assert self.pieces("want天want") == ["want", "[UNK]", "want"]

    def test_silent_words_have_no_piece(self) -> None:
        assert self.pieces("low want low") == ["want"]


@pytest.fixture(scope="module", params=["static", pytest.param("minilm", marks=NEEDS_MINILM)])
def encoder(request: pytest.FixtureRequest) -> Encoder:
    return models.encoder(request.param)


class TestEveryModel:
    def test_vectors_have_length_1_and_its_dimensions(self, encoder: Encoder) -> None:
        vectors = encoder.encode(["weather", "forecast of the week " * 200, "天気"])
        assert vectors.shape == (3, encoder.dimensions)
        assert vectors.dtype == np.float32
        assert encoder.dimensions % 64 == 0
        assert np.linalg.norm(vectors, axis=1) == pytest.approx([1, 1, 1], abs=1e-5)

    def test_no_texts_have_no_vectors(self, encoder: Encoder) -> None:
        assert encoder.encode([]).shape == (0, encoder.dimensions)

    def test_a_text_has_the_same_vector_alone_and_among_others(self, encoder: Encoder) -> None:
        texts = ["send an email", "query a database table", "x"]
        alone = np.concatenate([encoder.encode([text]) for text in texts])
        assert encoder.encode(texts) == pytest.approx(alone, abs=1e-5)

    def test_texts_of_one_meaning_are_nearer_than_others(self, encoder: Encoder) -> None:
        asked, near, far = encoder.encode(
            ["send an email", "compose and deliver mail messages", "count trees in a forest"]
        )
        assert asked @ near > encoder.floor + 0.1
        assert asked @ far < asked @ near - 0.2

    def test_it_knows_words_and_no_slips(self, encoder: Encoder) -> None:
        assert "calendar" in encoder
        assert "calender" not in encoder


@NEEDS_MINILM
def test_minilm_gives_the_published_similarities_of_its_model() -> None:
    vectors = models.encoder("minilm").encode(
        [
            "That is a happy person",
            "That is a happy dog",
            "That is a very happy person",
            "Today is a sunny day",
        ]
    )
    assert vectors[1:] @ vectors[0] == pytest.approx([0.695, 0.943, 0.257], abs=0.005)


class TestStaticTable:
    TABLE = StaticTable(
        arrays.unpack(
            arrays.pack(
                {"id": "tiny"},
                {
                    "vocabulary": np.frombuffer(b"[UNK]\nsun\nrain\nthe", np.uint8),
                    "table": np.array([[0, 0], [100, 0], [0, 100], [100, 100]], np.int8),
                    "scale": np.array([1, 0.1, 0.2, 1], np.float32),
                },
            )
        )
    )

    def test_a_text_is_the_sum_of_its_words_without_stop_words(self) -> None:
        (vector,) = self.TABLE.encode(["The sun, the rain"])
        assert vector == pytest.approx(np.array([1, 2]) / 5**0.5)

    @pytest.mark.parametrize("text", ["", "the", " "])
    def test_a_text_that_says_nothing_has_the_vector_0(self, text: str) -> None:
        vectors = self.TABLE.encode(["sun", text, "rain"])
        assert vectors == pytest.approx(np.array([[1, 0], [0, 0], [0, 1]]))


class TestModels:
    def test_an_unknown_encoder_is_a_wrong_setting(self) -> None:
        with pytest.raises(SettingsError, match="MOORING_ENCODER"):
            models.encoder("word2vec")

    def test_a_missing_model_says_what_builds_it(self, tmp_path: Path) -> None:
        with pytest.raises(SettingsError, match="make minilm"):
            models.encoder("minilm", str(tmp_path))

    def test_another_file_than_the_pinned_one_is_refused(self, tmp_path: Path) -> None:
        data = bytearray((MODELS / "static.arrays").read_bytes())
        data[-1] ^= 1
        (tmp_path / "static.arrays").write_bytes(data)
        with pytest.raises(SettingsError, match="not the model"):
            models.encoder("static", str(tmp_path))
