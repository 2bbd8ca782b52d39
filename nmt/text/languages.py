"""Language codes, and the languages that are written without spaces between words."""

import functools
import re
from typing import NamedTuple

UNSPACED = ("ja", "zh", "th", "lo", "km", "my")
# ISO 639: the two-letter code, the three-letter one (639-2/T), and the bibliographic one (639-2/B).
ISO_639 = """
aa aar, ab abk, ae ave, af afr, ak aka, am amh, an arg, ar ara, as asm, av ava, ay aym, az aze,
ba bak, be bel, bg bul, bi bis, bm bam, bn ben, bo bod tib, br bre, bs bos, ca cat, ce che, ch
cha, co cos, cr cre, cs ces cze, cu chu, cv chv, cy cym wel, da dan, de deu ger, dv div, dz dzo,
ee ewe, el ell gre, en eng, eo epo, es spa, et est, eu eus baq, fa fas per, ff ful, fi fin, fj
fij, fo fao, fr fra fre, fy fry, ga gle, gd gla, gl glg, gn grn, gu guj, gv glv, ha hau, he heb,
hi hin, ho hmo, hr hrv, ht hat, hu hun, hy hye arm, hz her, ia ina, id ind, ie ile, ig ibo, ii
iii, ik ipk, io ido, is isl ice, it ita, iu iku, ja jpn, jv jav, ka kat geo, kg kon, ki kik, kj
kua, kk kaz, kl kal, km khm, kn kan, ko kor, kr kau, ks kas, ku kur, kv kom, kw cor, ky kir, la
lat, lb ltz, lg lug, li lim, ln lin, lo lao, lt lit, lu lub, lv lav, mg mlg, mh mah, mi mri mao,
mk mkd mac, ml mal, mn mon, mr mar, ms msa may, mt mlt, my mya bur, na nau, nb nob, nd nde, ne
nep, ng ndo, nl nld dut, nn nno, no nor, nr nbl, nv nav, ny nya, oc oci, oj oji, om orm, or ori,
os oss, pa pan, pi pli, pl pol, ps pus, pt por, qu que, rm roh, rn run, ro ron rum, ru rus, rw
kin, sa san, sc srd, sd snd, se sme, sg sag, sh hbs, si sin, sk slk slo, sl slv, sm smo, sn sna,
so som, sq sqi alb, sr srp, ss ssw, st sot, su sun, sv swe, sw swa, ta tam, te tel, tg tgk, th
tha, ti tir, tk tuk, tl tgl, tn tsn, to ton, tr tur, ts tso, tt tat, tw twi, ty tah, ug uig, uk
ukr, ur urd, uz uzb, ve ven, vi vie, vo vol, wa wln, wo wol, xh xho, yi yid, yo yor, za zha, zh
zho chi, zu zul
"""
# Codes of ISO 639-3, and of earlier editions, for what the table has under another code.
OTHER_CODES = {
    "cmn": "zh",
    "iw": "he",
    "in": "id",
    "ji": "yi",
    "jw": "jv",
    "mo": "ro",
} | dict.fromkeys(("no", "nor"), "nb")
# Scripts: by modifier (sr@latin), by region, and of languages with several where none is named.
MODIFIERS = {"latin": "latn", "latn": "latn", "cyrillic": "cyrl", "cyrl": "cyrl"}
CHINESE_REGIONS = {"cn": "hans", "sg": "hans", "my": "hans"} | dict.fromkeys(
    ("tw", "hk", "mo"), "hant"
)
CHINESE_SCRIPTS = {"chs": "hans", "cht": "hant"}
USUAL_SCRIPTS = {"zh": "hans", "sr": "cyrl", "kk": "cyrl", "mn": "cyrl", "uz": "latn", "az": "latn"}


class Tag(NamedTuple):
    """A language code in its parts, in lower case; "" for what it does not name."""

    language: str
    script: str = ""
    region: str = ""

    def written_as(self) -> str:
        """The script, or the usual one of a language that has several."""
        return self.script or USUAL_SCRIPTS.get(self.language, "")

    def includes(self, other: "Tag") -> bool:
        """Whether text of the other code is text of this: en includes en-US, zh-TW zh-Hant.

        A script that this code names must be that of the text; nothing else may contradict.
        """
        same_script = not self.script or other.written_as() in ("", self.script)
        same_region = not (self.region and other.region) or self.region == other.region
        return self.language == other.language and same_script and same_region


@functools.cache
def parse(code: str) -> Tag:
    """The parts of a code: zh, hant, tw of zh_TW; de of deu and ger; sr, latn of sr_RS@latin."""
    # Environment variables have codes such as de_DE.UTF-8@euro.
    code, _, modifier = code.strip().lower().partition("@")
    name, *subtags = re.split("[-_]", code.partition(".")[0])
    name = _two_letter_codes().get(name, name)
    script = next((tag for tag in subtags if re.fullmatch("[a-z]{4}", tag)), "")
    region = next((tag for tag in subtags if re.fullmatch("[a-z]{2}|[0-9]{3}", tag)), "")
    # A script may be said in other words.
    if name == "zh":
        older = next((CHINESE_SCRIPTS[tag] for tag in subtags if tag in CHINESE_SCRIPTS), "")
        script = script or older or CHINESE_REGIONS.get(region, "")
    return Tag(name, script or MODIFIERS.get(modifier, ""), region)


def language(code: str) -> str:
    """The language of a code with script or region: zh of zh-Hant, ja of ja_JP and jpn."""
    return parse(code).language


@functools.cache
def _two_letter_codes():
    """{other code: two-letter code}."""
    rows = [row.split() for row in ISO_639.split(",")]
    return {code: row[0] for row in rows for code in row[1:]} | OTHER_CODES


def unspaced(code: str) -> bool:
    """Whether a language is written without spaces."""
    return language(code) in UNSPACED


def count_words(line: str, spaced: bool) -> int:
    """About how many words a line has.

    spaced: words stand between white space; else two characters count as one word.
    """
    return len(line.split()) if spaced else len(line) // 2
