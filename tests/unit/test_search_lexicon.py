"""Words people ask with, and the English ones that servers describe themselves with."""

import pytest

from mooring.search import polyglot, script, tongue
from mooring.search.lexicon import Expansion, expand
from mooring.search.phrases import Phrases

# -- other languages ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("language", "text", "english"),
    [
        ("zh", "帮我查询火车票", "search train"),
        ("zh", "資料庫查詢", "database search"),
        ("zh", "圖片辨識文字", "image text"),
        ("ja", "メールを要約する", "email summarize"),
        ("ja", "株価を調べたい", "stock search"),
        ("ko", "오늘 날씨를 알려줘", "weather"),
        ("ko", "할 일 목록 관리", "task list manage"),
        ("de", "Wettervorhersage für morgen", "weather"),
        ("de", "Rechnungen erstellen", "invoice create"),
        ("fr", "extraire le contenu d'une page web", "extract content website"),
        ("es", "resumir vídeos", "summarize video"),
        ("pt", "previsão do tempo", "weather"),
        ("it", "prenotare un ristorante", "booking restaurant"),
        ("ru", "запросы к базе данных", "query database"),
        ("uk", "пошук квитків на літак", "search flight"),
        ("pl", "zarządzanie zadaniami", "manage task"),
        ("nl", "goedkope vluchten zoeken", "price flight search"),
        ("tr", "web sitesi izleme", "website monitor"),
        ("ar", "البحث عن الفنادق", "search hotel"),
        ("hi", "मौसम की जानकारी", "weather information"),
        ("vi", "đặt vé máy bay", "booking flight"),
        ("id", "cari hotel murah", "search hotel price"),
        ("sv", "sammanfatta dokument", "summarize document"),
        ("cs", "překlad textu", "translate text"),
    ],
)
def test_a_text_of_each_language_is_found_in_english(language: str, text: str, english: str) -> None:
    found = expand(text)
    assert (found.language, found.english) == (language, english)


def test_each_language_has_an_example() -> None:
    mark = test_a_text_of_each_language_is_found_in_english.pytestmark[0]  # type: ignore[attr-defined]
    assert {case[0] for case in mark.args[1]} == set(polyglot.LANGUAGES)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("meteo a Parigi", "météo à Parigi"),
        ("ÜBERSETZUNG", "übersetzung"),
        ("数据库", "數據庫"),
        ("ｶﾚﾝﾀﾞｰ", "カレンダー"),
        ("ترجمة النصوص", "ترجمه النصوص"),
        ("tłumaczenie", "tlumaczenie"),
    ],
)
def test_spellings_of_one_word_mean_the_same(one: str, other: str) -> None:
    assert expand(one).english == expand(other).english != ""


@pytest.mark.parametrize("text", ["погода", "погоду", "погоды", "погодой"])
def test_inflected_words_are_known(text: str) -> None:
    assert expand(text).english == "weather"


def test_a_compound_is_known_by_its_parts() -> None:
    assert expand("Dateiübersetzung").english == "file translate"


def test_a_word_that_is_listed_means_that_and_not_what_shares_its_stem() -> None:
    """`Rechnungen` has the stem of `rechnen`, to calculate."""
    assert expand("Rechnungen").english == "invoice"


def test_vowels_of_hindi_do_not_part_words() -> None:
    assert script.WORD.findall("मौसम की") == ["मौसम", "की"]


def test_english_words_that_say_nothing_are_left_out_of_a_mixed_text() -> None:
    assert expand("mcp server for 天气").english == "weather"


def test_names_and_unknown_latin_words_pass_through() -> None:
    assert expand("GitHub Issues erstellen").english == "github issues create"
    assert expand("用 Frobnicator 翻译文档").english == "frobnicator translate document"


def test_letters_within_a_latin_word_are_no_term() -> None:
    """`ec` is short for a shop in Japanese."""
    assert expand("vector検索").english == "vector search"


def test_a_word_of_a_related_language_is_known_too() -> None:
    assert expand("帮我查询新幹線").english == "search train"
    assert set(expand("buscar Wettervorhersage").english.split()) == {"search", "weather"}


def test_of_two_languages_with_one_script_the_one_that_knows_more_is_chosen() -> None:
    assert expand("створити нагадування").language == "uk"
    assert expand("создать напоминание").language == "ru"


def test_a_letter_that_one_language_has_decides_between_two() -> None:
    assert expand("recept Ålborg").language == "sv"


def test_an_accent_makes_an_english_word_another_one() -> None:
    assert expand("café").english == "coffee"
    assert expand("cafe").english == ""


def test_syllables_of_vietnamese_without_accents_are_not_enough() -> None:
    assert expand("xem").language == ""
    assert expand("xem thời tiết").english == "view weather"


def test_arabic_words_are_known_with_what_is_written_as_one_with_them() -> None:
    assert expand("بترجمة").english == "translate"
    assert expand("والترجمة").english == "translate"


def test_terms_of_two_scripts_are_known() -> None:
    assert expand("3D建模").english == "3d"
    assert expand("3d 모델링").english == "3d"


def test_words_that_say_nothing_are_left_out() -> None:
    assert expand("ich möchte bitte das Wetter").english == "weather"
    assert expand("công cụ thời tiết").english == "weather"


def test_what_else_servers_of_a_concept_say_is_related() -> None:
    assert ("forecast", 0.4) in expand("погода").related


# -- English --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "text",
    [
        "die casting simulation",
        "pain tracker",
        "once a day",
        "Docker container management",
        "search the web",
        "read and write files on my computer",
        "kubernetes",
        "Explorer for Solana",
        "find cheap vuelos",
        "document message question article traduire",
        "As an analyst I want to check IP addresses and URLs against threat intelligence",
    ],
)
def test_english_is_not_taken_for_another_language(text: str) -> None:
    found = expand(text)
    assert (found.english, found.language) == ("", "en")


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("keep an eye on my web site", "uptime"),
        ("who owns this domain", "whois"),
        ("turn speech into words", "recognition"),
        ("what can I cook tonight", "recipe"),
        ("remind me to call my mother", "reminder"),
        ("make pictures move", "video"),
        ("where is my parcel", "shipping"),
        ("how do I get from Rome to Milan", "navigation"),
    ],
)
def test_everyday_phrases_imply_what_servers_say(text: str, word: str) -> None:
    assert word in dict(expand(text).related)


def test_the_name_of_a_concept_implies_a_little_what_else_its_servers_say() -> None:
    assert dict(expand("chat").related)["discord"] < 0.3


def test_a_phrase_with_the_name_in_it_implies_more_than_the_name() -> None:
    related = dict(expand("who is the owner of a website, whois").related)
    assert related["registration"] > 0.5


def test_related_words_are_new_and_the_surest_come_first() -> None:
    related = expand("is it going to rain, do I need an umbrella for the weather").related
    assert related
    weights = [weight for _, weight in related]
    assert weights == sorted(weights, reverse=True)
    assert all(0 < weight <= 1 for weight in weights)
    assert "weather" not in dict(related)


def test_a_phrase_hides_the_shorter_one_in_it() -> None:
    phrases = Phrases([("open ports", 0), ("ports=0.5", 1)], [])
    assert phrases.find(["open", "ports"]) == {0: 0.8}
    assert phrases.find(["ports"]) == {1: 0.5}


def test_words_of_a_phrase_may_stand_apart_but_not_far() -> None:
    phrases = Phrases([("owns domain", 0)], ["the"])
    assert phrases.find(["the", "domain", "that", "he", "owns"]) == {0: 0.8}
    assert phrases.find(["owns", *["word"] * 9, "domain"]) == {}


def test_a_phrase_of_common_words_needs_all_of_them() -> None:
    phrases = Phrases([("my runs", 0)], ["my"])
    assert phrases.find(["run"]) == {}
    assert phrases.find(["my", "run"]) == {0: 0.8}


# -- any text -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "text",
    ["", " ", "?!", "\x00", "\U0001d518", "🙂", "ก", "a" * 10_000, "天a" * 5_000, "é" * 10_000, "的", "für"],
)
def test_any_text_can_be_asked(text: str) -> None:
    found = expand(text)
    assert found.english == "" or found.language
    assert len(found.related) <= 16


def test_no_more_than_a_few_words_are_related() -> None:
    assert len(expand("weather hotel flight recipe stock crypto calendar email music movie").related) == 16


def test_only_the_beginning_of_a_long_text_is_read() -> None:
    assert expand("word " * 200 + "погода").language == "en"


def test_a_name_that_begins_with_an_english_word_is_no_word_of_another_language() -> None:
    assert expand("browserbase").english == ""


def test_nothing_is_said_of_a_text_that_no_language_has() -> None:
    assert expand("xyzzy") == Expansion("", (), "")


# -- how a tongue reads ---------------------------------------------------------------------------------


def test_the_longest_phrase_is_read_first() -> None:
    spanish = tongue.Spaced("es", ["de"], ["s"], [])
    spanish.learn(["base", "de", "datos"], 0)
    spanish.learn(["datos"], 1)
    assert spanish.read(["bases", "de", "datos"]) == [tongue.Span(0, 3, (0,))]


def test_a_phrase_can_mean_nothing_though_its_words_do() -> None:
    vietnamese = tongue.Spaced("vi", [], [], [])
    vietnamese.learn(["dich"], 0)
    vietnamese.ignore(["dich", "vu"])
    assert vietnamese.read(["dich", "vu"]) == [tongue.Span(0, 2, ())]


def test_one_syllable_of_korean_means_something_only_as_a_word() -> None:
    korean = tongue.Unspaced("ko", [])
    korean.learn(["책"], 0)
    assert korean.read(["책을"]) == [tongue.Span(0, 1, (0,))]
    assert korean.read(["정책으로"]) == []


def test_a_term_keeps_no_more_meanings_than_help() -> None:
    german = tongue.Spaced("de", [], [], [])
    for concept in range(9):
        german.learn(["bank"], concept)
    assert german.meaning("bank") == (0, 1, 2)
