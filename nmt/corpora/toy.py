"""The generated corpus: a small grammar that speaks English, German and Japanese at once.

A synchronous grammar (Aho & Ullman 1969) rewrites one derivation in two languages side by side, so that every
sentence has an exact translation. Here a derivation is a `Clause`: verb, subject, objects, tense, negation,
place, time. `english`, `german` and `japanese` write it down, each with its own word order and inflection:

    en-de  Yesterday the young woman did not read a book because she was tired.
           Gestern hat die junge Frau kein Buch gelesen, weil sie müde war.
    en-ja  Anna says that two students bought this expensive camera at the market.
           アンナさんは二人の学生が市場でこの高いカメラを買ったと言っています。

Nothing is ambiguous, in either direction: a source has one translation, and BLEU 100 is within reach. Where
Japanese marks neither article nor number, a bare subject is "the", a bare object "a"; several are counted.
Validation and test hold out combinations of verb and object whose words training knows from other partners
(compositional generalisation; Lake & Baroni 2018): memorising sentences does not help.
"""

import functools
import itertools
import random
import zlib
from collections import defaultdict, namedtuple
from collections.abc import Iterator

PAIRS = ("en-de", "de-en", "en-ja", "ja-en")
SPLITS = ("train", "valid", "test")
SALT = 30  # of the hash that splits the combinations; chosen so that training has every verb and every noun
MIN_WORDS = 4
MAX_WORDS = 16  # of the English sentence

# ---- words: `_` stands for a space, `-` for nothing

# English, plural; German gender (w: weak masculine), noun, plural; Japanese, its counter; kind
NOUNS = """
Anna - f Anna - アンナさん - name                     Peter - m Peter - ペーターさん - name
Maria - f Maria - マリアさん - name                   Ken - m Ken - ケンさん - name
mother - f Mutter - 母 - kin                          father - m Vater - 父 - kin
grandmother - f Großmutter - 祖母 - kin               grandfather - m Großvater - 祖父 - kin
man men m Mann Männer 男の人 人 adult                 woman women f Frau Frauen 女の人 人 adult
teacher teachers m Lehrer Lehrer 先生 人 adult        doctor doctors m Arzt Ärzte 医者 人 adult
student students w Student Studenten 学生 人 adult
boy boys w Junge Jungen 男の子 人 child               girl girls n Mädchen Mädchen 女の子 人 child
child children n Kind Kinder 子ども 人 child
dog dogs m Hund Hunde 犬 匹 animal                    cat cats f Katze Katzen 猫 匹 animal
bird birds m Vogel Vögel 鳥 羽 animal                 horse horses n Pferd Pferde 馬 頭 animal
rabbit rabbits n Kaninchen Kaninchen うさぎ 匹 animal
book books n Buch Bücher 本 冊 text                   newspaper newspapers f Zeitung Zeitungen 新聞 部 text
letter letters m Brief Briefe 手紙 通 text   magazine magazines f Zeitschrift Zeitschriften 雑誌 冊 text
story stories f Geschichte Geschichten 物語 編 text
poem poems n Gedicht Gedichte 詩 編 text              email emails f E-Mail E-Mails メール 通 text
apple apples m Apfel Äpfel りんご 個 food             egg eggs n Ei Eier 卵 個 food
cake cakes m Kuchen Kuchen ケーキ 個 food             tomato tomatoes f Tomate Tomaten トマト 個 food
bread - n Brot - パン - food                          cheese - m Käse - チーズ - food
fish - m Fisch - 魚 - food                            meat - n Fleisch - 肉 - food
water - n Wasser - 水 - drink                         milk - f Milch - 牛乳 - drink
tea - m Tee - お茶 - drink                            coffee - m Kaffee - コーヒー - drink
cocoa - m Kakao - ココア - drink
car cars n Auto Autos 車 台 thing                     bicycle bicycles n Fahrrad Fahrräder 自転車 台 thing
camera cameras f Kamera Kameras カメラ 台 thing       watch watches f Uhr Uhren 時計 個 thing
bag bags f Tasche Taschen かばん 個 thing             hat hats m Hut Hüte 帽子 個 thing
umbrella umbrellas m Regenschirm Regenschirme 傘 本 thing   shirt shirts n Hemd Hemden シャツ 枚 thing
house houses n Haus Häuser 家 軒 building             window windows n Fenster Fenster 窓 枚 building
door doors f Tür Türen ドア 枚 building
flower flowers f Blume Blumen 花 本 flower
photo photos n Foto Fotos 写真 枚 photo
"""

# English, German stem, Japanese before a noun; the kinds of nouns it describes
ADJECTIVES = """
young jung 若い adult             famous berühmt 有名な adult        friendly freundlich 親切な adult,child
small klein 小さい child,animal,thing,building    big groß 大きい animal,building,photo
white weiß 白い animal,flower     red rot 赤い thing,flower          blue blau 青い thing
old alt 古い text,thing,building,photo            new neu 新しい text,thing,photo
expensive teur 高い thing         interesting interessant 面白い text,photo
beautiful schön きれいな animal,thing,flower,photo
fresh frisch 新鮮な food          delicious lecker おいしい food,drink
hot heiß 熱い drink               cold kalt 冷たい drink
"""

# English, past, -ing; German prefix, preposition or `to` (a recipient), ich, er, wir/sie, participle, case
# of the object; Japanese particle, verb (one-row: stem・る); tenses: past now habit future state;
# places; objects (FOOD-egg: all of that kind without eggs)
VERBS = """
read read reading - lese liest lesen gelesen acc を 読む pnhf home,garden,park,library TEXT
write wrote writing - schreibe schreibt schreiben geschrieben acc を 書く pnhf home,library,office
    letter,poem,email,story
eat ate eating - esse isst essen gegessen acc を 食べ・る pnhf home,garden,park,restaurant
    FOOD
drink drank drinking - trinke trinkt trinken getrunken acc を 飲む pnhf home,garden,restaurant,office
    DRINK
cut cut cutting - schneide schneidet schneiden geschnitten acc を 切る pnhf kitchen,home
    FOOD-egg
buy bought buying - kaufe kauft kaufen gekauft acc を 買う pnf market,city
    THING,FOOD,DRINK-water,book,newspaper,flower
sell sold selling - verkaufe verkauft verkaufen verkauft acc を 売る pnf market,city
    THING,FOOD-meat,book,flower,horse
wash washed washing - wasche wäscht waschen gewaschen acc を 洗う pnhf home,garden
    car,bicycle,shirt,dog,horse,window,door
draw drew drawing - zeichne zeichnet zeichnen gezeichnet acc を 描く pnhf park,garden
    ANIMAL,flower,house,bicycle,car,door
look_for looked_for looking_for - suche sucht suchen gesucht acc を 探す pn home,park,station
    THING-shirt-car,dog,cat,book,letter,photo
find found - - finde findet finden gefunden acc を 見つけ・る p park,station
    THING-shirt-car,dog,cat,letter,photo,egg
lose lost - - verliere verliert verlieren verloren acc を なくす p park,station,city
    hat,bag,umbrella,watch,camera,letter,photo
repair repaired repairing - repariere repariert reparieren repariert acc を 直す pnf home
    car,bicycle,camera,watch,umbrella,window,door
open opened opening auf= mache macht machen gemacht acc を 開け・る pnhf home,office window,door,letter,bag
call called calling an= rufe ruft rufen gerufen acc に 電話する pnhf office,station NAME,KIN,ADULT
help helped helping - helfe hilft helfen geholfen dat を 手伝う pnhf home,garden,library
    NAME,KIN,ADULT,CHILD
visit visited - - besuche besucht besuchen besucht acc を 訪ね・る phf - NAME,KIN,ADULT,girl
invite invited - ein= lade lädt laden geladen acc を 招待する pf - NAME,KIN,ADULT,CHILD
meet met - - treffe trifft treffen getroffen acc に 会う phf park,station,city NAME,KIN,ADULT
feed fed feeding - füttere füttert füttern gefüttert acc に えさをやる pnhf home,garden ANIMAL
play_with played_with playing_with mit spiele spielt spielen gespielt dat と 遊ぶ pnhf home,garden,park
    CHILD,dog,cat,rabbit
like liked - - mag mag mögen gemocht acc が 好き s -
    ANIMAL,FOOD,DRINK,TEXT-letter-email,flower,house,car,hat
give gave giving to gebe gibt geben gegeben acc を あげ・る pnf park,station
    flower,apple,cake,book,letter,photo,hat,bag,watch,umbrella,milk,water,cocoa
show showed showing to zeige zeigt zeigen gezeigt acc を 見せ・る pnf home,office
    photo,letter,poem,magazine,house,car,camera,watch,cat,rabbit
send sent sending to schicke schickt schicken geschickt acc を 送る pnf office
    letter,email,photo,book,poem,flower
"""

PLACES = """
home at_home zu_Hause 家で                        garden in_the_garden im_Garten 庭で
park in_the_park im_Park 公園で                   library in_the_library in_der_Bibliothek 図書館で
office in_the_office im_Büro 会社で               restaurant in_the_restaurant im_Restaurant レストランで
kitchen in_the_kitchen in_der_Küche 台所で        market at_the_market auf_dem_Markt 市場で
city in_the_city in_der_Stadt 町で                station at_the_station am_Bahnhof 駅で
"""

# The time tells the tense: German and Japanese use one form for "reads", "is reading", in part "will read".
TIMES = """
past yesterday gestern きのう          past this_morning heute_Morgen 今朝
past last_week letzte_Woche 先週      past on_Monday am_Montag 月曜日に
now now jetzt 今
habit every_day jeden_Tag 毎日         habit every_morning jeden_Morgen 毎朝
habit every_week jede_Woche 毎週       habit on_Sundays sonntags 日曜日に
habit on_weekends am_Wochenende 週末に
future tomorrow morgen あした
future tonight heute_Abend 今夜        future next_week nächste_Woche 来週
"""

# Reasons to do something (+) or not (!): English verb, complement; German; Japanese now and then
REASONS = """
! be tired müde 疲れている 疲れていた          ! be ill krank 病気な 病気だった
! be busy beschäftigt 忙しい 忙しかった        ! have no_time keine_Zeit 時間がない 時間がなかった
+ have time Zeit 時間がある 時間があった       + be in_a_good_mood gut_gelaunt 機嫌がいい 機嫌がよかった
+ have a_day_off frei 休みな 休みだった
"""

# ... and agreement of the verb: 0 I, 1 he, 2 plural
PRONOUNS = """
I ich 私 0    we wir 私たち 2    he er 彼 1    she sie 彼女 1    they sie 彼ら 2    who wer だれ 1
"""
REPORTS = "says sagt と言っています   thinks glaubt と思っています   knows weiß ことを知っています"
NUMBERS = """
two zwei 二   three drei 三   four vier 四    five fünf 五
six sechs 六  seven sieben 七 eight acht 八   nine neun 九
"""

# ---- tables of forms


def rows(table: str, columns: int) -> list[list[str]]:
    cells = ["" if cell == "-" else cell.replace("_", " ") for cell in table.split()]
    return [cells[i : i + columns] for i in range(0, len(cells), columns)]


Noun = namedtuple("Noun", "en en_plural gender de de_plural ja counter kind")
Verb = namedtuple(
    "Verb", "en past ing extra ich er infinitive participle case particle ja tenses places objects"
)
Adverb = namedtuple("Adverb", "en de ja")
# A noun phrase. `de`: by case; `pronoun`: takes it up again (none for neuters: the child, it?)
Phrase = namedtuple("Phrase", "word en de ja agreement gender definite pronoun")
# What is said, before a language orders and inflects it. `front`: a time in first place or the question word
Clause = namedtuple(
    "Clause",
    "verb tense negative subject object recipient place time front asks reason",
    defaults=(None, None, None, None, False, None),
)

NOUN = {row[0]: Noun(*row) for row in rows(NOUNS, 8)}
VERB = {row[0]: Verb(*row) for row in rows(VERBS, 14)}
ADJECTIVE = {en: (de, ja) for en, de, ja, _ in rows(ADJECTIVES, 4)}
NUMBER = {en: (de, ja) for en, de, ja in rows(NUMBERS, 3)}
PLACE = {row[0]: Adverb(*row[1:]) for row in rows(PLACES, 4)}
REASON = [
    [row for row in rows(REASONS, 6) if row[0] == sign] for sign in "+!"
]  # of doing, of not doing
REPORT = [Adverb(*row) for row in rows(REPORTS, 3)]
PRONOUN = {
    en: Phrase(en, en, {"nom": de}, ja, int(agreement), "", True, en)
    for en, de, ja, agreement in rows(PRONOUNS, 4)
}
WHO = PRONOUN.pop("who")
PERSONAL = tuple(PRONOUN.values())
WHERE = Adverb("where", "wo", "どこで")
WHEN = Adverb("when", "wann", "いつ")
TENSES = {"p": "past", "n": "now", "h": "habit", "f": "future", "s": "state"}
KIND = defaultdict(list)
DESCRIBE = defaultdict(list)
TIME = defaultdict(list)
for noun in NOUN.values():
    KIND[noun.kind.upper()].append(noun.en)
for adjective, _, _, kinds in rows(ADJECTIVES, 4):
    for kind in kinds.split(","):
        DESCRIBE[kind].append(adjective)
for tense, *forms in rows(TIMES, 4):
    TIME[tense].append(Adverb(*forms))


def split_of(verb: str, noun: str) -> str:
    """The split that owns a combination of verb and object noun."""
    return {0: "test", 1: "valid"}.get(zlib.crc32(f"{SALT} {verb} {noun}".encode()) % 10, "train")


def objects(verb: Verb) -> Iterator[str]:
    for part in verb.objects.split(","):
        name, *without = part.split("-")
        yield from (noun for noun in KIND.get(name, [name]) if noun not in without)


COMBINATIONS = defaultdict(list)  # by split and tense: the verbs and objects a clause may combine
for verb in VERB.values():
    for noun in objects(verb):
        for letter in verb.tenses:
            COMBINATIONS[split_of(verb.en, noun), TENSES[letter]].append((verb.en, noun))

# ---- noun phrases


def join(*words: str | bool | None) -> str:
    """The words that are there."""
    return " ".join(filter(None, words))


def endings(text: str) -> dict:
    cells = [case + gender for case in ("nom", "acc", "dat") for gender in "mfnp"]
    return dict(zip(cells, text.split(), strict=True))


STRONG = endings("er e es e en e es e em er em en")
THE = endings("der die das die den die das die dem der dem den")


def german_phrase(noun, determiner, adjective, case, gender) -> str:
    ending = STRONG[case + gender]
    weak = "e" if gender != "p" and (case == "nom" or case + gender in ("accf", "accn")) else "en"
    article = ""
    if determiner in ("a", "my", "no"):
        article = {"a": "ein", "my": "mein", "no": "kein"}[determiner]
        if (
            gender in "fp" or weak == "en"
        ):  # else the adjective shows what ein does not: ein alter Hut
            article = article + ending
            ending = weak
    elif determiner in ("the", "this", "these"):
        article = THE[case + gender] if determiner == "the" else "dies" + ending
        ending = weak
    elif determiner:
        article = NUMBER[determiner][0]
    word = noun.de_plural if gender == "p" or (noun.gender == "w" and case != "nom") else noun.de
    dative = "n" if gender == "p" and case == "dat" and word[-1] not in "ns" else ""
    return join(article, adjective and ADJECTIVE[adjective][0] + ending, word + dative)


@functools.cache
def phrase(word: str, determiner: str, adjective: str) -> Phrase:
    """A noun with determiner (the, a, this, these, my, a number, none; "the+", "+": plural) and adjective."""
    noun = NOUN[word]
    plural = determiner[-1:] == "+" or determiner == "these" or determiner in NUMBER
    determiner = determiner.removesuffix("+")
    gender = "p" if plural else noun.gender.replace("w", "m")
    rest = join(adjective, noun.en_plural if plural else noun.en)
    en = join("an" if determiner == "a" and rest[0] in "aeiou" else determiner, rest)
    de = {
        case: german_phrase(noun, determiner, adjective, case, gender)
        for case in ("nom", "acc", "dat")
    }
    de |= {
        "no " + case: german_phrase(noun, "no", adjective, case, gender) for case in ("acc", "dat")
    }
    person = noun.kind in ("adult", "child")  # only they have a plural in Japanese
    ja = noun.ja + ("たち" if person and determiner in ("the", "these") and plural else "")
    ja = ADJECTIVE[adjective][1] + ja if adjective else ja
    if determiner in NUMBER:
        ja = f"{NUMBER[determiner][1]}{noun.counter}の{ja}"
    elif determiner in ("this", "these"):
        ja = ("この" if person or not plural else "これらの") + ja
    elif determiner == "my" and noun.kind != "kin":
        ja = "私の" + ja
    definite = determiner in ("the", "this", "these", "my") or noun.kind == "name"
    pronoun = {"p": "they", "m": "he", "f": "she", "n": ""}[gender]
    return Phrase(word, en, de, ja, 2 if plural else 1, gender, definite, pronoun)


# ---- English: subject, verb, objects, place, time; "do" where no other auxiliary negates or asks


@functools.cache
def english_verb(
    word: str, tense: str, agreement: int, negative: bool, inverted: bool
) -> tuple[str, str]:
    """Auxiliary and main verb."""
    verb = VERB[word]
    if tense in ("now", "future"):
        auxiliary = "will" if tense == "future" else ("am", "is", "are")[agreement]
        main = verb.en if tense == "future" else verb.ing
    elif negative or inverted:
        auxiliary = "did" if tense == "past" else ("do", "does", "do")[agreement]
        main = verb.en
    elif tense == "past" or agreement != 1:
        auxiliary = ""
        main = verb.past if tense == "past" else verb.en
    else:
        first, *particle = verb.en.split()
        auxiliary = ""
        main = join(first + ("es" if first.endswith("sh") else "s"), *particle)
    return auxiliary, "not " + main if negative else main


def english(clause: Clause) -> str:
    verb, tense, negative, subject, thing, recipient, place, time, front, asks, reason = clause
    inverted = asks and subject is not WHO
    auxiliary, main = english_verb(verb.en, tense, subject.agreement, negative, inverted)
    return join(
        front and front.en,
        inverted and auxiliary,
        subject.en,
        not inverted and auxiliary,
        main,
        recipient and recipient.en,
        thing.en,
        place and place.en,
        time and time.en,
        reason and "because " + reason.en,
    )


# ---- German: the finite verb second, in questions first, in subordinate clauses last; its other parts final


@functools.cache
def german_verb(word: str, tense: str, agreement: int) -> tuple[str, str, str]:
    """The finite verb and the rest at the end of a main clause; both as a subordinate clause ends."""
    verb = VERB[word]
    prefix = verb.extra.removesuffix("=") if verb.extra.endswith("=") else ""
    if tense in ("past", "future"):
        finite = ("habe hat haben" if tense == "past" else "werde wird werden").split()[agreement]
        rest = prefix + (verb.participle if tense == "past" else verb.infinitive)
        return finite, rest, f"{rest} {finite}"
    finite = (verb.ich, verb.er, verb.infinitive)[agreement]
    return finite, prefix, prefix + finite


def german(clause: Clause, subordinate: bool = False) -> str:
    verb, tense, negative, subject, thing, recipient, place, time, front, asks, reason = clause
    finite, rest, last = german_verb(verb.en, tense, subject.agreement)
    mit = verb.extra if verb.extra == "mit" else ""
    kein = negative and not thing.definite  # "mit keinem Hund" too
    noun = join(mit, thing.de["no " + verb.case if kein else verb.case])
    time = time and time.de
    to = recipient and recipient.de["dat"]
    # What is known comes early: definite objects before the place and, with "nicht", before the time.
    if mit or not thing.definite:
        middle = join(time, to, place and place.de, negative and not kein and "nicht", noun)
    else:
        middle = (
            join(to, noun, time, "nicht") if negative else join(time, to, noun, place and place.de)
        )
    if subordinate:
        return join(subject.de["nom"], middle, last)
    if front or (asks and subject is not WHO):
        text = join(front and front.de, finite, subject.de["nom"], middle, rest)
    else:
        text = join(subject.de["nom"], finite, middle, rest)
    return f"{text}, weil {reason.de}" if reason else text


# ---- Japanese: topic, time, place, objects with particles, verb; plain forms inside, polite ones at the end

GODAN = """
う い わ って   く き か いて   す し さ して   ぶ び ば んで   む み ま んで   る り ら って
"""  # five-row verbs: last kana, what it becomes before ます and before ない, and the form in て
STEMS = {kana: forms for kana, *forms in rows(GODAN, 4)}


@functools.cache
def japanese_verb(ja: str, tense: str, negative: bool, plain: bool) -> str:
    if tense == "state":
        return ja + ("ではありません" if negative else "です")
    if ja.endswith("する"):
        polite = ja[:-2] + "し"
        nai = ja[:-2] + "し"
        te = ja[:-2] + "して"
    elif "・" in ja:
        polite = nai = ja[: ja.index("・")]
        te = polite + "て"
    else:
        polite, nai, te = (ja[:-1] + ending for ending in STEMS[ja[-1]])
    if tense == "now":
        return japanese_verb(te + "い・る", "present", negative, plain)
    if plain:
        past = nai + "なかった" if negative else te[:-1] + ("だ" if te[-1] == "で" else "た")
        return past if tense == "past" else nai + "ない" if negative else ja.replace("・", "")
    if tense == "past":
        return polite + ("ませんでした" if negative else "ました")
    return polite + ("ません" if negative else "ます")


def japanese(clause: Clause, subordinate: bool = False) -> str:
    verb, tense, negative, subject, thing, recipient, place, time, front, asks, reason = clause
    comma = "" if subordinate or reason or (asks and front) else "、"
    return "".join(
        (
            front.ja + "、" if front and not asks else "",
            subject.ja and subject.ja + ("が" if subordinate or subject is WHO else "は"),
            reason.ja + "ので、" if reason else "",
            time.ja + comma if time else "",
            front.ja if front and asks else "",
            place.ja if place else "",
            recipient.ja + "に" if recipient else "",
            thing.ja + verb.particle,
            japanese_verb(verb.ja, tense, negative, subordinate),
            "か" if asks else "",
        )
    )


# ---- derivations

TENSE = ("past",) * 7 + ("now",) * 5 + ("future",) * 4 + ("habit",) * 3 + ("state",)  # how often
SHAPE = ("statement",) * 10 + ("question",) * 3 + ("reason", "relative", "report") * 2
PROPER = KIND["NAME"] + KIND["KIN"]
PEOPLE = KIND["ADULT"] + KIND["CHILD"]
EVENTS = ("past", "now", "future")
NOT_ALWAYS = TIME["habit"][-2:]  # "not every day" would deny something else


@functools.cache
def determiners(
    word: str, role: str, verb: str, tense: str, negative: bool, articles: bool
) -> list[str]:
    """What may stand before a noun, the more often the likelier; without `articles`, see the module."""
    noun = NOUN[word]
    numbers = list(NUMBER)
    person = noun.kind in ("adult", "child")
    if word in PROPER:
        return ["my" if noun.kind == "kin" else ""]
    if role == "recipient":
        return ["the", "the", "the+", "this"]
    if role == "subject":
        return ["the", "the", "the+", "this", "these"] * 3 + ["a"] * 3 * articles + numbers
    some = ["a"] * 6 + numbers * (tense in ("past", "future") and not negative)
    known = ["this", "these"] * 2
    if tense == "state":
        some = ["+"] * 6
    known += ["the", "the+"] * 2 * articles or ["the+"] * 2 * person
    known += ["my"] * 3 * (not person and verb not in ("buy", "write") and word != "water")
    if not noun.en_plural:
        some = [""] * 6
        known = [word for word in known if word not in ("these", "the+")]
    if tense == "habit":  # a new apple every day, but the same house
        return some if noun.kind in ("text", "food", "drink") else known
    return some + known


@functools.cache
def because(reason: tuple, pronoun: str, tense: str) -> Adverb:
    """The reason as a clause about the subject."""
    _, verb, en, de, now, then = reason
    who = PRONOUN[pronoun]
    form = PRONOUN[pronoun].agreement + 3 * (tense == "past")
    is_has, ist_hat = {
        "be": ("am is are was was were", "bin ist sind war war waren"),
        "have": ("have has have had had had", "habe hat haben hatte hatte hatten"),
    }[verb]
    en = join(who.en, is_has.split()[form], en)
    de = join(who.de["nom"], de, ist_hat.split()[form])
    return Adverb(en, de, then if tense == "past" else now)


class Sampler:
    """Draws derivations, asking only for `random()`: its sequence is the same in every version of Python."""

    def __init__(self, pair: str, split: str, seed: int):
        self.random = random.Random(f"{pair} {split} {seed}").random
        self.split = split
        self.articles = pair == "en-de"
        self.foreign = german if self.articles else japanese

    def pick(self, choices):
        return choices[int(self.random() * len(choices))]

    def noun_phrase(self, word, role, verb="", tense="", negative=False) -> Phrase:
        adjectives = (
            DESCRIBE.get(NOUN[word].kind) if self.random() < 0.4 and verb != "write" else None
        )
        determiner = self.pick(determiners(word, role, verb, tense, negative, self.articles))
        return phrase(word, determiner, self.pick(adjectives) if adjectives else "")

    def person(self, role: str, words: list[str], *others: str) -> Phrase:
        while (word := self.pick(words)) in others:
            pass
        return self.noun_phrase(word, role)

    def subject(self, *others: str) -> Phrase:
        choice = self.random()
        if choice < 0.25:
            return self.pick(PERSONAL)
        return self.person("subject", PROPER if choice < 0.5 else PEOPLE, *others)

    def clause(self, tense="", subject=None, positive=False, other="") -> Clause:
        """A clause with the given tense and subject, or any; `other` appears elsewhere in the sentence."""
        tense = tense or self.pick(TENSE)
        taken = (other, subject and subject.word)
        while True:
            verb, noun = self.pick(COMBINATIONS[self.split, tense])
            if noun not in taken:
                break
        self.combinations.append((verb, noun))
        verb = VERB[verb]
        negative = not positive and self.random() < 0.25
        thing = self.noun_phrase(noun, "object", verb.en, tense, negative)
        recipient = self.person("recipient", PEOPLE, *taken) if verb.extra == "to" else None
        subject = subject or self.subject(other, noun, recipient.word if recipient else "")
        if not self.articles and subject.word in ("I", "we") and thing.ja.startswith("私の"):
            subject = PRONOUN["she"]  # nobody says 私は私の
        place = time = None
        if verb.places and not negative and self.random() < 0.4:
            place = PLACE[self.pick(verb.places.split(","))]
        if self.random() < {"past": 0.6, "now": 0.3, "state": 0}.get(tense, 1):
            time = self.pick(NOT_ALWAYS if negative and tense == "habit" else TIME[tense])
        return Clause(verb, tense, negative, subject, thing, recipient, place, time)

    def sentence(self) -> tuple[str, str]:
        """English and the other language; `self.combinations` tells what they combine."""
        self.combinations = []
        shape = self.pick(SHAPE)
        if shape == "report":
            who = self.person("subject", PROPER)
            report = self.pick(REPORT)
            clause = self.clause(self.pick(EVENTS), other=who.word)
            en = f"{who.en} {report.en} that {english(clause)}"
            if self.articles:
                return (
                    en + ".",
                    f"{who.de['nom']} {report.de}, dass {german(clause, subordinate=True)}.",
                )
            return en + ".", f"{who.ja}は{japanese(clause, subordinate=True)}{report.ja}。"
        if shape == "relative":
            clause = self.clause(subject=self.person("recipient", PEOPLE), positive=True)
            clause = clause._replace(subject=self.relative(clause.subject))
        elif shape == "question":
            clause = self.question()
        else:
            clause = self.clause()
            if (
                shape == "reason"
                and clause.verb.ing
                and clause.subject.pronoun
                and clause.tense in EVENTS
            ):
                reason = self.pick(REASON[clause.negative])
                clause = clause._replace(
                    reason=because(tuple(reason), clause.subject.pronoun, clause.tense)
                )
            if clause.time and self.random() < 0.3:
                clause = clause._replace(front=clause.time, time=None)
        mark = "?" if clause.asks else "."
        return english(clause) + mark, self.foreign(clause) + (mark if self.articles else "。")

    def question(self) -> Clause:
        clause = self.clause(positive=True)._replace(asks=True)
        if clause.subject.word in ("I", "we"):  # who asks that about themselves?
            clause = clause._replace(subject=PRONOUN["they"])
        word = self.pick(("", WHO, WHERE, WHEN))
        if word is WHO:
            return clause._replace(subject=WHO)
        if word is WHERE and clause.verb.places:
            return clause._replace(front=WHERE, place=None)
        if word is WHEN and clause.tense in ("past", "future"):
            return clause._replace(front=WHEN, time=None)
        return clause

    def relative(self, head: Phrase) -> Phrase:
        """The head with a clause that tells who is meant."""
        gap = head._replace(en="who", de={"nom": THE["nom" + head.gender]}, ja="")
        clause = self.clause(self.pick(("past", "now")), gap, positive=True)
        en = f"{head.en} {english(clause)}"
        de = f"{head.de['nom']}, {german(clause, subordinate=True)},"
        return head._replace(en=en, de={"nom": de}, ja=japanese(clause, subordinate=True) + head.ja)


def derive(pair: str, split: str, count: int, seed: int = 0) -> Iterator[tuple[str, str, list]]:
    """As `generate`, unchecked, with the combinations (verb, object noun) of each pair."""
    reverse = not pair.startswith("en")
    sampler = Sampler("en-" + pair.replace("en", "").strip("-"), split, seed)
    while count > 0:
        en, other = sampler.sentence()
        if MIN_WORDS <= en.count(" ") + 1 <= MAX_WORDS:
            en = en[0].upper() + en[1:]
            other = other[0].upper() + other[1:]
            yield (
                (other, en, sampler.combinations) if reverse else (en, other, sampler.combinations)
            )
            count -= 1


def generate(
    pair: str, split: str, count: int, seed: int = 0, sentences: int = 1
) -> Iterator[tuple[str, str]]:
    """`count` pairs of source and target, always the same; fewer are a prefix of more.

    sentences: a side has from one to so many, evenly.
    """
    if pair not in PAIRS:
        raise ValueError(f"no generated corpus {pair!r}; choose from {', '.join(PAIRS)}")
    if split not in SPLITS:
        raise ValueError(f"no split {split!r}; choose from {', '.join(SPLITS)}")
    singles = (
        (source, target) for source, target, _ in derive(pair, split, count * sentences, seed)
    )
    return itertools.islice(joined(singles, pair, sentences, f"{pair} {split} {seed}"), count)


def joined(singles: Iterator, pair: str, most: int, seed: str) -> Iterator[tuple[str, str]]:
    """Pairs of one to `most` of the single sentences on each side."""
    draw = random.Random(f"{seed} {most}").random
    spaces = ["" if language == "ja" else " " for language in pair.split("-")]
    while some := list(itertools.islice(singles, 1 + int(draw() * most))):
        yield tuple(map(str.join, spaces, zip(*some, strict=True)))
