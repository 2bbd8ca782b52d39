"""Capitals: what is unusual is read as usual and comes out as it was; what is usual stays."""

import pytest

from nmt.text import profile as profiles
from nmt.text.casing import title_case, usual_case
from nmt.text.profile import Profile, ProfileCounter

SENTENCES = [
    "Turn off the lights in the kitchen.",
    "The device is offline.",
    "Set up Home Assistant with MQTT and Wi-Fi.",
    "Do you want to delete this device in Home Assistant?",
    "The MQTT server of the kitchen is offline.",
    "Please turn the device on and restart it.",
]


def counted(lines):
    counter = ProfileCounter()
    for line in lines:
        counter.add(line)
    return counter


@pytest.fixture(scope="module")
def profile():
    return counted(SENTENCES * 5).profile()


@pytest.mark.parametrize("most", [3, 1000])
def test_parts_of_a_text_are_counted_as_the_whole(profile, monkeypatch, most):
    lines = SENTENCES * 5
    parts = [counted(lines[start : start + 4]) for start in range(0, len(lines), 4)]
    monkeypatch.setattr(profiles, "COUNTED_WORDS", most)
    whole = counted(lines)
    merged = ProfileCounter()
    for part in parts:
        merged.merge(part)
    assert list(merged.words.items()) == list(whole.words.items())
    assert merged.profile() == whole.profile()
    assert (whole.profile() == profile) == (most == 1000)


@pytest.mark.parametrize(
    ("text", "usual", "restored"),
    [
        # Lines in capitals.
        ("THE DEVICE IS OFFLINE.", "The device is offline.", "X Y"),
        ("SET UP HOME ASSISTANT!", "Set up Home Assistant!", "X Y"),
        ("OFFLINE", "Offline", "X Y"),
        # Title Case, and what is capitalised anyway.
        ("Turn Off the Lights in the Kitchen", "Turn off the lights in the kitchen", "X Y"),
        ("Restart The MQTT Device", "Restart the MQTT device", "X Y"),
        ("Home Assistant Server", "Home Assistant Server", "x y"),
        # Lower case: the translation is cased as training text.
        ("the device is offline.", "The device is offline.", "x y"),
        ("set up home assistant with mqtt", "Set up Home Assistant with MQTT", "x y"),
        # Usual text.
        ("The MQTT device is offline.", "The MQTT device is offline.", "x y"),
        ("MQTT", "MQTT", "x y"),
        ("USB", "USB", "x y"),
        ("on", "on", "x y"),
        ("1.5 %", "1.5 %", "x y"),
        ("犬がいる", "犬がいる", "x y"),
        ("", "", "x y"),
    ],
)
def test_lines_are_read_in_their_usual_case(profile, text, usual, restored):
    cased = usual_case(text, profile)
    assert cased.text == usual
    assert not cased.upper
    assert (cased.restore or str)("x y") in (restored, restored.lower())
    assert (cased.restore is not None) == (restored == "X Y")


@pytest.mark.parametrize(
    ("text", "usual"),
    [
        ("~ is not at home", "~ is not at Home"),
        ("«~» is not at home", "«~» is not at Home"),
        ("~ IS OFFLINE", "~ is offline"),
        ("5 lights are on", "5 lights are on"),
        ("5 LIGHTS ARE ON", "5 lights are on"),
        ("— the device is on", "— The device is on"),
        ("the ~ is on", "The ~ is on"),
    ],
)
def test_behind_what_is_copied_or_a_number_no_sentence_begins(profile, text, usual):
    assert usual_case(text, profile, {"~"}).text == usual


def test_runs_of_capitals_are_ranges(profile):
    cased = usual_case("Please DO NOT TURN OFF the MQTT device.", profile)
    assert cased.text == "Please do not turn off the MQTT device."
    assert cased.upper == ((7, 22),) and cased.restore is None


def test_lengths_stay_so_that_marks_stay_in_place(profile):
    for text in ("STRASSE İSTANBUL FUSSBALL", "ŉ ǰ DEVICE OFFLINE", "The Great ﬁre In Kitchen"):
        assert len(usual_case(text, profile).text) == len(text)


def test_without_a_profile_only_lines_in_capitals_change():
    assert usual_case("THE DEVICE IS OFFLINE.", Profile()).text == "The device is offline."
    for text in ("Turn Off The Lights Now", "turn off the lights", "Please DO NOT TURN OFF it"):
        assert usual_case(text, Profile()).text == text


def test_title_case_capitalises_words():
    assert title_case("the device's état \ue000 x") == "The Device's État \ue000 X"


def test_a_profile_is_the_same_after_writing_and_reading(profile):
    assert Profile.from_json(profile.to_json()) == profile
    assert profile.usual_form("mqtt") == "MQTT" and profile.usual_form("HOME") == "Home"
    assert profile.usual_form("nowhere") is None and profile.capitalised
    assert "T" in profile.characters and "ß" not in profile.characters
